"""Reads the structure of a definition by its schema, as far as it is right, and notes what is wrong."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import app.steps  # noqa: F401 - registers the step types
from app.errors import Fault
from app.steps.arguments import load_as_far
from app.steps.definition import MOST_STEPS, DefinitionSchema, StepSchema

Json = Any

_DEFAULTS: dict[str, Json] = {"run_on": "success", "on_error": "fail", "for_each_concurrency": 10}


@dataclass(slots=True)
class Definition:
    """What could be read; each step has `path`, `position`, the names of the fields that are `given`, and an
    `id` that no other has, in any case."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    output: Json = None
    has_output: bool = False
    timeout_seconds: float | None = None
    input_schema: Json = None
    on_failure: UUID | None = None


def read_definition(definition: Json, faults: list[Fault]) -> Definition:
    """Read a definition; what is wrong is added to `faults`."""
    loaded, wrong = load_as_far(DefinitionSchema, definition)
    faults += wrong
    whole = not faults
    raw_steps = definition.get("steps") if isinstance(definition, dict) else None
    on_failure = loaded.get("on_failure", {})
    return Definition(
        steps=_steps(raw_steps, loaded.get("steps") if whole else None, faults),
        output=loaded.get("output"),
        has_output="output" in loaded,
        timeout_seconds=loaded.get("timeout_seconds"),
        input_schema=loaded.get("input_schema"),
        on_failure=on_failure.get("workflow_id"),
    )


def _steps(raw: Json, loaded: list[dict[str, Any]] | None, faults: list[Fault]) -> list[dict[str, Any]]:
    """Return the steps as far as they are right; `loaded` when all are, so that none is loaded again."""
    if loaded is None:
        values = raw[:MOST_STEPS] if isinstance(raw, list) else []
        loaded = [load_as_far(StepSchema, value)[0] for value in values]
    steps: list[dict[str, Any]] = []
    seen: set[str] = set()
    for position, value in enumerate(loaded):
        written = raw[position] if isinstance(raw[position], dict) else {}
        place = {"position": position, "path": f"steps[{position}]", "given": frozenset(written)}
        step = _DEFAULTS | value | place
        step_id = step.get("id", f"#{position}")
        if step_id in seen:
            faults.append(
                Fault(
                    f"steps[{position}].id",
                    f"There is another step {step_id} before this one: give each an id of its own.",
                )
            )
            step_id = f"#{position}"
        seen.add(step_id)
        steps.append(step | {"id": step_id})
    return steps

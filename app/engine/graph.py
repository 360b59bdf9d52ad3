"""A workflow definition as the engine walks it: compiled once a version, pure, never changed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app import strictjson
from app.engine.expressions import Compiled
from app.engine.graph_fields import NEVER_RETRIED, idle_fields, misplaced_fields
from app.engine.graph_order import needs_of, reach_of, rings_of
from app.engine.graph_references import References
from app.engine.graph_steps import Parts, Work, compile_step, step_type
from app.engine.graph_structure import Definition, read_definition
from app.engine.input_schema import InputSchema, compile_schema
from app.engine.programs import StepProgram
from app.engine.retry import RetryPolicy
from app.errors import Fault, InvalidDefinition
from app.steps.base import StepType
from app.steps.definition import MOST_BYTES, MOST_STEPS

Json = Any

MOST_FAULTS = 500
_STEP = re.compile(r"steps\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Step:
    """One step, ready to run.

    Without forEach `program` asks the condition and gives the `with`. With forEach `for_each` asks the
    condition once and gives the list, and `program` gives the `with` of each item. `position` counts from 0.
    """

    id: str
    type: str
    name: str | None
    program: StepProgram
    needs: tuple[str, ...]
    dependents: tuple[str, ...]
    for_each: StepProgram | None
    for_each_concurrency: int
    retry: RetryPolicy | None
    timeout_seconds: float
    on_error: str
    run_on: str
    position: int
    kind: StepType
    secrets: frozenset[str]

    @property
    def effect(self) -> bool:
        """Tell whether running it can be noticed outside."""
        return self.kind.effect


@dataclass(frozen=True, slots=True)
class Graph:
    """A whole definition; `secrets` are the names of all that it names.

    `secret_places` and `workflows` are the secrets and other workflows that it names, each with its place.
    """

    steps: tuple[Step, ...]
    by_id: Mapping[str, Step]
    output: StepProgram | None
    timeout_seconds: float | None
    input_schema: InputSchema | None
    on_failure: UUID | None
    warnings: list[Fault]
    secrets: frozenset[str]
    secret_places: tuple[tuple[str, str], ...] = ()
    workflows: tuple[tuple[str, UUID], ...] = ()

    @property
    def secret_names(self) -> frozenset[str]:
        """The names of the secrets in the definition."""
        return self.secrets


def compile_graph(definition: Json) -> Graph:
    """Compile a definition as it was sent or stored.

    Raises InvalidDefinition with all faults at once.
    """
    size = len(strictjson.dumps(definition))
    if size > MOST_BYTES:
        _refuse([Fault("", f"The definition has {size} bytes; {MOST_BYTES} are the most.")])
    work = Work()
    read = read_definition(definition, work.faults)
    kinds = [step_type(step, work) for step in read.steps]
    parts = [compile_step(step, kind, work) for step, kind in zip(read.steps, kinds, strict=True)]
    _check_fields(read.steps, kinds, work)
    needs = _order(read.steps, work)
    output = work.compile(read.output, "output") if read.has_output else None
    reach = _reach(read.steps, parts, output, needs, work)
    schema = _input_schema(read.input_schema, work)
    if work.faults:
        _refuse(work.faults)
    steps = _steps(read.steps, [kind for kind in kinds if kind], parts, needs, reach)
    return Graph(
        steps=steps,
        by_id={step.id: step for step in steps},
        output=_output(output, steps),
        timeout_seconds=read.timeout_seconds,
        input_schema=schema,
        on_failure=read.on_failure,
        warnings=work.warnings,
        secrets=frozenset().union(*(step.secrets for step in steps)),
        secret_places=tuple(place for part in parts for place in part.args.secrets),
        workflows=tuple(_workflows(read, parts)),
    )


def check_input(graph: Graph, input: Json) -> list[Fault]:
    """Return what keeps an input from fitting the workflow's inputSchema."""
    return graph.input_schema.check(input) if graph.input_schema else []


def _refuse(faults: list[Fault]) -> None:
    count = "1 thing is" if len(faults) == 1 else f"{len(faults)} things are"
    told = sorted(faults, key=_listed)[:MOST_FAULTS]
    if len(told) < len(faults):
        told.append(Fault("", f"There is more: only the first {MOST_FAULTS} of {len(faults)} are listed."))
    raise InvalidDefinition(f"{count} wrong with the definition.", faults=told)


def _listed(fault: Fault) -> int:
    """Return the number of the step that a fault is of; those of the rest come behind all steps."""
    found = _STEP.match(fault.path)
    return int(found[1]) if found else MOST_STEPS


def _order(steps: list[dict[str, Any]], work: Work) -> dict[str, tuple[str, ...]]:
    needs, faults, warnings = needs_of(steps)
    work.faults += faults
    work.warnings += warnings
    return needs


def _check_fields(steps: list[dict[str, Any]], kinds: list[StepType | None], work: Work) -> None:
    for step, kind in zip(steps, kinds, strict=True):
        if kind is not None:
            work.correct(list(misplaced_fields(step, kind)))
        work.warnings += idle_fields(step)


def _reach(
    steps: list[dict[str, Any]],
    parts: list[Parts],
    output: Compiled | None,
    needs: dict[str, tuple[str, ...]],
    work: Work,
) -> Mapping[str, frozenset[str]]:
    """Return which steps each may refer to; rings, and references to others, are noted."""
    paths = {step["id"]: step["path"] for step in steps}
    for ring in rings_of(needs):
        names = " → ".join(ring)
        message = f"These steps wait for each other: {names}. Take one of them out of the needs of another."
        work.faults.append(Fault(f"{paths[ring[0]]}.needs", message))
    references = References.of(steps, reach_of(needs))
    for step, part in zip(steps, parts, strict=True):
        references.check(step["id"], part.references(), MOST_FAULTS)
    references.check(None, output.references if output else (), MOST_FAULTS)
    work.faults += references.faults
    return references.reach


def _workflows(read: Definition, parts: list[Parts]) -> Iterator[tuple[str, UUID]]:
    """Yield the workflows that a definition without faults names, with their places."""
    if read.on_failure is not None:
        yield "onFailure.workflowId", read.on_failure
    for step, part in zip(read.steps, parts, strict=True):
        named = part.args.marked.get("workflowId") if step["type"] == "workflow" else None
        if isinstance(named, str):
            yield f"{step['path']}.with.workflowId", UUID(named)


def _input_schema(schema: Json, work: Work) -> InputSchema | None:
    if schema is None:
        return None
    compiled, faults, warnings = compile_schema(schema)
    work.faults += faults
    work.warnings += warnings
    return compiled


def _output(output: Compiled | None, steps: tuple[Step, ...]) -> StepProgram | None:
    return StepProgram(None, output, tuple(step.id for step in steps)) if output else None


def _steps(
    steps: list[dict[str, Any]],
    kinds: list[StepType],
    parts: list[Parts],
    needs: Mapping[str, tuple[str, ...]],
    reach: Mapping[str, frozenset[str]],
) -> tuple[Step, ...]:
    dependents: dict[str, list[str]] = {step["id"]: [] for step in steps}
    for step in steps:
        for need in needs[step["id"]]:
            dependents[need].append(step["id"])
    return tuple(
        _step(step, kind, part, needs[step["id"]], tuple(dependents[step["id"]]), reach[step["id"]])
        for step, kind, part in zip(steps, kinds, parts, strict=True)
    )


def _step(
    step: dict[str, Any],
    kind: StepType,
    parts: Parts,
    needs: tuple[str, ...],
    dependents: tuple[str, ...],
    reach: frozenset[str],
) -> Step:
    seconds: float = step.get("timeout_seconds", kind.timeout)
    # A transform does nothing but evaluate, so its time is that of its expressions.
    program, for_each = parts.programs(
        tuple(sorted(reach)), min(1, seconds) if kind.name == "transform" else 1
    )
    return Step(
        id=step["id"],
        type=kind.name,
        name=step.get("name"),
        program=program,
        needs=needs,
        dependents=dependents,
        for_each=for_each,
        for_each_concurrency=step["for_each_concurrency"],
        retry=RetryPolicy(**step["retry"]) if "retry" in step and kind.name not in NEVER_RETRIED else None,
        timeout_seconds=seconds,
        on_error=step["on_error"],
        run_on=step["run_on"],
        position=step["position"],
        kind=kind,
        secrets=parts.args.names.secrets,
    )

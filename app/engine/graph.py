"""A workflow definition as the engine walks it: compiled once a version, pure, never changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app import strictjson
from app.engine.expressions import Compiled
from app.engine.graph_order import needs_of, reach_of, ring_in
from app.engine.graph_steps import Parts, Work, compile_step, step_type
from app.engine.graph_structure import Definition, read_definition
from app.engine.input_schema import InputSchema, compile_schema
from app.engine.nearest import nearest
from app.engine.programs import StepProgram
from app.engine.retry import RetryPolicy
from app.errors import Fault, InvalidDefinition
from app.steps.base import StepType
from app.steps.definition import MOST_BYTES

Json = Any

_NEVER_RETRIED = frozenset({"code", "transform", "fail", "wait", "waitForSignal"})


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
    needs = _order(read.steps, work)
    reach = _reach(read.steps, needs, work)
    for step, part in zip(read.steps, parts, strict=True):
        _check_references(step["id"], part.references(), reach, work)
    output = work.compile(read.output, "output") if read.has_output else None
    _check_references(None, output.references if output else (), reach, work)
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
    raise InvalidDefinition(f"{count} wrong with the definition.", faults=faults)


def _order(steps: list[dict[str, Any]], work: Work) -> dict[str, tuple[str, ...]]:
    needs, faults, warnings = needs_of(steps)
    work.faults += faults
    work.warnings += warnings
    for step in steps:
        if "retry" in step and step.get("type") in _NEVER_RETRIED:
            work.warnings.append(Fault(f"{step['path']}.retry", f"A {step['type']} step is never retried."))
    return needs


def _reach(
    steps: list[dict[str, Any]], needs: dict[str, tuple[str, ...]], work: Work
) -> dict[str, frozenset[str]]:
    """Return which steps each may refer to: those it comes after; with runOn failure or always any other."""
    everything = frozenset(needs)
    ring = ring_in(needs)
    if ring:
        path = next(step["path"] for step in steps if step["id"] == ring[0])
        work.faults.append(Fault(f"{path}.needs", f"These steps wait for each other: {' → '.join(ring)}."))
        return dict.fromkeys(needs, everything)
    reach = reach_of(needs)
    late = [step["id"] for step in steps if step["run_on"] != "success"]
    return reach | {step_id: everything - {step_id} for step_id in late}


def _check_references(
    step_id: str | None, references: Any, reach: Mapping[str, frozenset[str]], work: Work
) -> None:
    allowed = frozenset(reach) if step_id is None else reach[step_id]
    for path, named in dict.fromkeys(references):
        if named in allowed:
            continue
        names = ", ".join(sorted(name for name in allowed if name.isidentifier()))
        there = f"in reach are {names}" if names else "none is in reach"
        if named == step_id:
            message = f"A step cannot refer to itself; {there}."
        elif named in reach:
            message = f"A step may only refer to steps it comes after: add {named} to needs; {there}."
        else:
            message = f"There is no step {named}{nearest(named, reach)}; {there}."
        work.faults.append(Fault(path, message))


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
    compiled, faults = compile_schema(schema)
    work.faults += faults
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
    program, for_each = parts.programs(tuple(sorted(reach)))
    return Step(
        id=step["id"],
        type=kind.name,
        name=step.get("name"),
        program=program,
        needs=needs,
        dependents=dependents,
        for_each=for_each,
        for_each_concurrency=step["for_each_concurrency"],
        retry=RetryPolicy(**step["retry"]) if "retry" in step and kind.name not in _NEVER_RETRIED else None,
        timeout_seconds=step.get("timeout_seconds", kind.timeout),
        on_error=step["on_error"],
        run_on=step["run_on"],
        position=step["position"],
        kind=kind,
        secrets=parts.args.names.secrets,
    )

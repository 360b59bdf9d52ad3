"""Retries by hand: a finished execution again, as a new one that takes over what need not run twice."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from app import strictjson
from app.engine.graph import Graph, check_input, compile_graph
from app.engine.nearest import nearest
from app.engine.reuse import changed, reusable
from app.errors import ExecutionNotFinished, Fault, LineaError, NotFound, ValidationFailed, WorkflowDeleted
from app.services.executions import accept, fingerprint
from app.services.orders import Accepted, Again, Order, TriggerRequest
from app.services.scope import Scope
from app.services.transaction import reading
from app.states import FINAL, StepStatus, TriggeredBy
from app.store import execution_views
from app.store import retries as store
from app.store.execution_filters import Place
from app.store.retries import Reused

Json = Any
START, FAILED = "start", "failed"
REMEMBERED = 200


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """Where a retry begins (`start`, `failed` or a step's id), with which input, in which version."""

    begin: str = START
    input: Json = None
    edited: bool = False
    latest: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a workflow, compiled."""

    number: int
    definition: Json
    graph: Graph


@dataclass(frozen=True, slots=True)
class Finished:
    """An execution that may be retried: its row, how its steps ended, its version and the one to run."""

    row: Row[Any]
    ends: dict[str, StepStatus]
    old: Version
    new: Version


def retry(
    scope: Scope, execution_id: UUID, options: RetryOptions, key: str | None = None, body: Json = None
) -> tuple[Accepted, TriggerRequest]:
    """Start a finished execution again; gives what became of it and the request that it amounts to.

    The idempotency `key` is held for this execution alone; `body` is the parsed request it stands for.

    Raises NotFound, ExecutionNotFinished, WorkflowDeleted, WorkflowDisabled, ValidationFailed,
    InvalidDefinition, IdempotencyKeyReused, TooManyPending.
    """
    request = prepare(scope, execution_id, options)
    route = f"retry {execution_id}"
    return accept(Order(scope, (request,), route, key, fingerprint(key, body))), request


def prepare(scope: Scope, execution_id: UUID, options: RetryOptions) -> TriggerRequest:
    """Work out a retry; what refuses it stands in the request, since its key may have made one before.

    Raises NotFound, ExecutionNotFinished.
    """
    with reading() as tx:
        row = execution_views.full(tx, Place(scope.workspace_id, scope.space_id), execution_id)
    if row is None:
        raise NotFound(f"There is no execution {execution_id} here: it may be in another space, or deleted.")
    if row.status not in FINAL:
        raise ExecutionNotFinished(f"The execution is {row.status}: only one that has ended can be retried.")
    given = options.input if options.edited else strictjson.loads_stored(row.input)
    again: Again | None = None
    refused: LineaError | None = None
    try:
        again = _again(_read(scope, row, options.latest), options, given)
    except LineaError as error:
        refused = error
    return TriggerRequest(
        workflow_id=row.workflow_id or execution_id,  # names no workflow; `refused` says that it is gone
        input=given,
        triggered_by=TriggeredBy(row.triggered_by),
        tags=tuple(row.tags),
        trigger=None if row.trigger is None else strictjson.loads_stored(row.trigger),
        again=again,
        refused=refused,
    )


def _read(scope: Scope, row: Row[Any], latest: bool) -> Finished:
    """Read what a retry is made of; raises WorkflowDeleted, InvalidDefinition."""
    if row.workflow_id is None:
        raise _gone()
    with reading() as tx:
        ends = store.step_ends(tx, scope.workspace_id, row.id)
        found = store.definitions(tx, scope.workspace_id, row.workflow_id, row.workflow_version)
    versions = {one.number: one for one in found}
    if row.workflow_version not in versions:
        raise _gone()
    number = next(one.number for one in found if one.current) if latest else row.workflow_version
    old, new = (_version(row.workflow_id, n, versions[n].definition) for n in (row.workflow_version, number))
    return Finished(row, ends, old, new)


@lru_cache(maxsize=REMEMBERED)
def _version(_workflow_id: UUID, number: int, stored: str) -> Version:
    definition = strictjson.loads_stored(stored)
    return Version(number, definition, compile_graph(definition))


def _again(finished: Finished, options: RetryOptions, given: Json) -> Again:
    """Say what the retry takes over; raises ValidationFailed."""
    new = finished.new
    if faults := check_input(new.graph, given):
        raise ValidationFailed("The input does not fit the workflow's inputSchema.", faults=faults)
    reused = reusable(new.graph, finished.ends, _chosen(finished, options.begin))
    return Again(
        execution_id=finished.row.id,
        attempt=finished.row.attempt + 1,
        version=new.number,
        steps_total=len(new.graph.steps),
        reused=tuple(Reused(step.id, step.position) for step in reused),
    )


def _chosen(finished: Finished, begin: str) -> set[str]:
    """Name the steps that run again for sure; raises ValidationFailed for an unknown one."""
    graph = finished.new.graph
    if begin == START:
        return set(graph.by_id)
    if begin == FAILED:
        chosen = {step_id for step_id, end in finished.ends.items() if end is StepStatus.FAILED}
    elif begin in graph.by_id:
        chosen = {begin}
    else:
        there = f"There is no step {begin!r}{nearest(begin, graph.by_id)}"
        message = f"{there}: give start, failed or the id of a step."
        raise ValidationFailed(f"from: {message}", faults=[Fault("from", message)])
    if finished.old.number != finished.new.number:
        old, new = finished.old, finished.new
        chosen |= changed((old.graph, old.definition), (new.graph, new.definition))
    return chosen & graph.by_id.keys()


def _gone() -> WorkflowDeleted:
    return WorkflowDeleted("The workflow of the execution was deleted, so it cannot be retried.")

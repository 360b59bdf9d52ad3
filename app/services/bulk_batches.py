"""The batches of bulk operations: what one does and how far its operation is by then commit together.

So a crash neither loses nor doubles anything, and any number of processes may be at it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row
from sqlalchemy.exc import DBAPIError

from app import log
from app.errors import ExecutionNotFinished, NotFound
from app.services import executions, retries
from app.services.admission import admit
from app.services.orders import Accepted, Order
from app.services.retries import RetryOptions
from app.services.scope import Scope
from app.services.transaction import BUSY, is_away, reading, transaction
from app.states import Reason, Role, Status
from app.store import bulk_operations as store
from app.store import executions as execution_store
from app.store import selections
from app.store.execution_filters import Filters, Place
from app.store.selections import Chunk

TICK_SECONDS = 0.25
SEARCH_SECONDS = 0.5
MOST_AT_A_TIME = 50
POLL_SECONDS = 0.05

logger = log.get(__name__)


class Kind(StrEnum):
    """What is done with the executions."""

    CANCEL = "cancel"
    RETRY = "retry"


BATCH = {Kind.CANCEL: 500, Kind.RETRY: 50}


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation under way: on the ids that it keeps if it is `listed`, else on what `filters` let through.

    It is as far as `after`.
    """

    id: UUID
    place: Place
    kind: Kind
    listed: bool
    filters: Filters
    after: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of a batch: how many executions it was about, and where to go on (None: nowhere)."""

    count: int
    edge: UUID | None


@dataclass(slots=True)
class Outcome:
    """What a batch did, and whom to tell after its commit."""

    done: int = 0
    to_ring: Sequence[Row[Any]] = ()
    to_send: list[Row[Any]] = field(default_factory=list)


def go_on_with_all(seconds: float = TICK_SECONDS) -> int:
    """Go on with all operations, a batch each in turns; give how many executions that was about."""
    with reading() as tx:
        rows = store.running(tx, MOST_AT_A_TIME)
    return go_on([_operation(row) for row in rows], seconds)


def finish(operation_id: UUID) -> None:
    """Work at an operation until it is through, beside the tick."""
    while True:
        with reading() as tx:
            row = store.state(tx, operation_id)
        if row is None:
            return
        if not go_on([_operation(row)], float("inf")):
            time.sleep(POLL_SECONDS)


def go_on(operations: list[Operation], seconds: float) -> int:
    """Do batches in turns until all are through or time is up; give how many executions they were about."""
    ends, total = time.monotonic() + seconds, 0
    while operations:
        left = []
        for operation in operations:
            progress = _turn(operation)
            total += progress.count
            if progress.edge is not None:
                left.append(replace(operation, after=progress.edge))
            if time.monotonic() > ends:
                return total
        operations = left
    return total


def _turn(operation: Operation) -> Progress:
    """Do the next batch; an operation that the database cannot do now lets the others go first."""
    try:
        return _do(operation, _next(operation))
    except DBAPIError as error:
        logger.warning("a bulk operation waits", operation=str(operation.id), error=str(error.orig))
    with transaction() as tx:
        store.touch(tx, operation.id)
    return Progress(0, None)


def _next(operation: Operation) -> Chunk:
    """Find the executions of the next batch."""
    limit = BATCH[operation.kind]
    with reading() as tx:
        if operation.listed:
            return store.next_ids(tx, operation.id, operation.after, limit)
        walk = selections.Walk(operation.place, operation.filters, operation.created_at)
        return selections.search(tx, walk, operation.after, limit, SEARCH_SECONDS)


def _do(operation: Operation, chunk: Chunk) -> Progress:
    """Do a batch; one that the database refuses is halved until the bad execution stands alone."""
    try:
        return _transact(operation, chunk)
    except DBAPIError as error:
        if is_away(error) or getattr(error.orig, "pgcode", None) in BUSY or not chunk.ids:
            raise
        if len(chunk.ids) == 1:
            logger.error("a bulk operation skips one", execution=str(chunk.ids[0]), error=str(error.orig))
            return _transact(operation, chunk, skip=True)
    half = len(chunk.ids) // 2
    first = _do(operation, Chunk(chunk.ids[:half], chunk.ids[half - 1]))
    if first.edge is None:
        return first
    second = _do(replace(operation, after=first.edge), Chunk(chunk.ids[half:], chunk.edge))
    return Progress(first.count + second.count, second.edge)


def _transact(operation: Operation, chunk: Chunk, *, skip: bool = False) -> Progress:
    """Do a batch and write how far it is; nothing when somebody else is at it or was faster."""
    work = _nothing if skip else WORK[operation.kind](operation, chunk.ids)
    with transaction() as tx:
        if not store.hold(tx, operation.id, operation.after):
            return Progress(0, None)
        outcome = work(tx)
        store.advance(tx, operation.id, chunk.edge, outcome.done, len(chunk.ids) - outcome.done)
    executions.ring(outcome.to_ring)
    executions.send(outcome.to_send)
    return Progress(len(chunk.ids), chunk.edge)


def _nothing(_: Connection) -> Outcome:
    return Outcome()


def _cancel(operation: Operation, ids: list[UUID]) -> Callable[[Connection], Outcome]:
    """Cancel those that have not ended; where only pending ones were meant, those that have not begun."""
    workspace_id, only_pending = operation.place.workspace_id, operation.filters.statuses == {Status.PENDING}

    def work(tx: Connection) -> Outcome:
        if not ids:
            return Outcome()
        touched = execution_store.cancel_many(
            tx, workspace_id, ids, Reason.BULK, None, only_pending=only_pending
        )
        return Outcome(len({row.id for row in touched} & set(ids)), touched)

    return work


def _retry(operation: Operation, ids: list[UUID]) -> Callable[[Connection], Outcome]:
    """Start those again that can be; what they are made of is read before the transaction."""
    scope = Scope(operation.place.workspace_id, Role.OPERATOR, operation.place.space_id)
    orders = [order for order in (_again(scope, execution_id) for execution_id in ids) if order]

    def work(tx: Connection) -> Outcome:
        made = [result for result in admit(tx, orders) if isinstance(result, Accepted)] if orders else []
        return Outcome(len(made), to_send=[row for accepted in made for row in accepted.rows])

    return work


WORK = {Kind.CANCEL: _cancel, Kind.RETRY: _retry}


def _again(scope: Scope, execution_id: UUID) -> Order | None:
    """Order a retry from the start; None for one that has not ended or is gone."""
    try:
        request = retries.prepare(scope, execution_id, RetryOptions())
    except (NotFound, ExecutionNotFinished):
        return None
    return Order(scope, (request,), f"retry {execution_id}")


def _operation(row: Row[Any]) -> Operation:
    place, filters = Place(row.workspace_id, row.space_id), store.filters_of(row.filters)
    return Operation(row.id, place, Kind(row.kind), row.listed, filters, row.after_id, row.created_at)

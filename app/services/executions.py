"""Executions: made, cancelled and awaited here."""

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from flask import current_app
from sqlalchemy import Row

from app import states, strictjson
from app.errors import DatabaseUnavailable, ExecutionFinished, NotFound
from app.queue import Sender, Ticket
from app.services import execution_views
from app.services.intake import Intake
from app.services.orders import BATCH, SINGLE, Accepted, Order, TriggerRequest
from app.services.scope import Scope
from app.services.transaction import reading, transaction
from app.states import Reason, Status, TriggeredBy
from app.store import executions as store
from app.store.execution_forms import Form

Json = Any
AWAY_SECONDS = 0.5
POLL_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.15)


def create_from_trigger(
    space_id: UUID | None, workspace_id: UUID, workflow_id: UUID, triggered_by: TriggeredBy, input: Json
) -> Row[Any]:
    """Make an execution durable, then tell the workers.

    The row is its own outbox: if Redis is away it stays pending and the tick sends it again, so an
    accepted execution is never lost.

    Raises NotFound, WorkflowDisabled, TooManyPending, DatabaseUnavailable.
    """
    scope = Scope(workspace_id, states.Role.OPERATOR, space_id)
    return trigger(scope, TriggerRequest(workflow_id, input, triggered_by)).rows[0]


def trigger(scope: Scope, request: TriggerRequest, key: str | None = None, body: Json = None) -> Accepted:
    """Start one execution; with an idempotency `key`, `body` is the parsed request that it stands for.

    Raises NotFound, WorkflowDisabled, ValidationFailed, IdempotencyKeyReused, TooManyPending.
    """
    return accept(Order(scope, (request,), SINGLE, key, fingerprint(key, body)))


def trigger_batch(
    scope: Scope, requests: Sequence[TriggerRequest], key: str | None = None, body: Json = None
) -> Accepted:
    """Start several executions, all or none; raises what `trigger` does, naming the first refused one."""
    return accept(Order(scope, tuple(requests), BATCH, key, fingerprint(key, body)))


def cancel(scope: Scope, execution_id: UUID, text: str | None = None) -> Form:
    """Cancel an execution: gives it `cancelled`, or `running` while its worker still has to stop.

    It is shown as the cancel leaves it, whatever its worker does at once. Raises NotFound, ExecutionFinished.
    """
    with transaction() as tx:
        if store.status_of(tx, scope.workspace_id, scope.space_id, execution_id) is None:
            raise NotFound(f"There is no execution {execution_id}")
        touched = store.cancel_many(tx, scope.workspace_id, [execution_id], Reason.REQUESTED, text)
        shown = execution_views.one_in(tx, scope, execution_id)
    ring(touched)
    if not touched and shown["status"] != Status.CANCELLED:
        raise ExecutionFinished("The execution has ended already, so there is nothing to cancel")
    return shown


def wait_until_finished(scope: Scope, execution_id: UUID, seconds: float) -> bool | None:
    """Wait for an execution to end, holding no connection; False when it has not after `seconds`.

    A wait holds a thread: beyond STREAM_LIMIT of them it answers None at once, without a look. When the
    process ends, it answers False at once. While the database is away it waits on: what was accepted is.
    """
    places: threading.Semaphore = current_app.extensions["waiting places"]
    if not places.acquire(blocking=False):
        return None
    try:
        return _ends_within(scope, execution_id, seconds)
    finally:
        places.release()


def _ends_within(scope: Scope, execution_id: UUID, seconds: float) -> bool:
    end = time.monotonic() + seconds
    ending: threading.Event = current_app.extensions["ending"]
    for pause in _pauses():
        try:
            with reading() as tx:
                row = store.status_of(tx, scope.workspace_id, scope.space_id, execution_id)
            if row is None or row.status in states.FINAL:
                return row is not None
        except DatabaseUnavailable:
            ending.wait(min(AWAY_SECONDS, max(0, end - time.monotonic())))
        if (left := end - time.monotonic()) <= 0:
            return False
        if ending.wait(min(pause, left)):
            return False
    return False


def ring(touched: Sequence[Row[Any]]) -> None:
    """Tell the owners of flagged executions to look at their flags now, and send the parents that were woken.

    The lease renewal reads the flags too.
    """
    send([row for row in touched if row.sent_at], front=True)
    announce(touched)
    for row in touched:
        if row.worker is not None:
            sender().ring(row.worker, f"{row.id}-{row.send_no}")


def send(rows: Sequence[Row[Any]], *, front: bool = False) -> None:
    """Send tickets for rows that were committed as due at once; to the front of the queue if asked."""
    if tickets := [Ticket(row.id, row.workspace_id, row.send_no, row.sent_at) for row in rows if row.sent_at]:
        sender().send(tickets, front=front)
    announce(rows)


def announce(rows: Sequence[Row[Any]]) -> None:
    """Tell the live streams of rows that were committed."""
    if rows:
        sender().announce([(row.workspace_id, row.id) for row in rows])


def sender() -> Sender:
    """Give this process's sender."""
    found: Sender = current_app.extensions["sender"]
    return found


def accept(order: Order) -> Accepted:
    """Make what an order asks for, then tell the workers; raises what refuses it."""
    intake: Intake = current_app.extensions["intake"]
    accepted = intake.submit(order)
    send(accepted.rows)
    return accepted


def fingerprint(key: str | None, body: Json) -> bytes:
    """Hash a body as parsed JSON, so that spaces and the order of keys make no difference."""
    return b"" if key is None else hashlib.sha256(strictjson.canonical(body)).digest()


def _pauses() -> Iterator[float]:
    yield from POLL_SECONDS
    while True:
        yield POLL_SECONDS[-1]

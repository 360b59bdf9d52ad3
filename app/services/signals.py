"""Signals: what a `waitForSignal` step waits for, sent by hand or by another program."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app import strictjson
from app.errors import AlreadySignalled, NotFound, NotWaiting
from app.services import executions
from app.services.scope import Scope
from app.services.transaction import transaction
from app.states import FINAL, STEP_FINAL
from app.store import signals as store

Json = Any
WAITS = "waitForSignal"


def signal(scope: Scope, execution_id: UUID, step_id: str, payload: Json) -> None:
    """Send a signal to a step: it ends the wait, or is kept until the step begins to wait.

    Suspending an execution and signalling it both lock its row, so no signal falls between them.

    Raises NotFound, NotWaiting, AlreadySignalled.
    """
    with transaction() as tx:
        row = store.lock_execution(tx, scope.workspace_id, scope.space_id, execution_id)
        if row is None:
            raise NotFound(
                f"There is no execution {execution_id} here: it may be in another space, or deleted."
            )
        _require_open(tx, row, step_id)
        store.keep(tx, execution_id, step_id, strictjson.dumps(payload).decode())
        woken = store.wake(tx, execution_id)
    if woken is not None:
        executions.send([woken], front=True)


def _require_open(tx: Connection, execution: Row[Any], step_id: str) -> None:
    """Refuse a signal that no step waits for, or will."""
    step = store.step_of(tx, execution, step_id)
    if step is None:
        raise NotFound(f"The execution {execution.id} has no step {step_id!r}: its detail lists its steps.")
    if step.type != WAITS:
        raise NotWaiting(f"The step {step_id!r} is of type {step.type}: only {WAITS} takes signals.")
    if step.signalled:
        raise AlreadySignalled(f"The step {step_id!r} has its signal: it takes one only.")
    if execution.status in FINAL:
        raise NotWaiting("The execution has ended, so nothing waits for a signal any more.")
    if step.status in STEP_FINAL:
        raise NotWaiting(f"The step {step_id!r} has ended ({step.status}) and waits for no signal any more.")

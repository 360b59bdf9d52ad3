"""The tick: once a second it repairs and moves on whatever no worker holds; any number of clocks may tick."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import Connection, Row
from sqlalchemy.exc import DBAPIError

from app import log
from app.errors import DatabaseUnavailable
from app.queue import Away, Ticket, connect, head_sent_at, push, suspend
from app.services import deletions, firing, schedules, webhooks
from app.services.transaction import reading, transaction
from app.settings import Settings
from app.states import Status
from app.store import children, claims, idempotency, installation

BATCH = 1_000
SENT_LONG_AGO = timedelta(seconds=5)
BEHIND_HEAD = timedelta(seconds=2)
LOOK_SECONDS = 0.95

logger = log.get(__name__)


def tick() -> None:
    """Make every pass once, then fire what becomes due within the second in which the tick began.

    A pass that fails is logged and leaves the others alone.
    """
    end = time.monotonic() + LOOK_SECONDS
    for make in PASSES:
        _make(make.__name__, make)
    _make("look_for_due", lambda: firing.look_for_due(end))


def fire_due_schedules() -> None:
    """Fire every schedule that is due."""
    firing.fire_due_schedules()


def note() -> None:
    """Note the tick, and make RQ's suspension say what the pause in Postgres says."""
    with transaction() as tx:
        installation.note_tick(tx)
        paused = installation.read(tx).paused
    suspend(_redis(), paused)


def take_over_lost() -> None:
    """Free the executions of lost workers, so that others go on with them within a second."""
    settings: Settings = current_app.config["SETTINGS"]
    rows = _locked("leases", lambda tx: _take_over(tx, settings.max_takeovers))
    for row in rows:
        logger.warning("a worker was lost", execution=str(row.id), takeovers=row.takeovers, status=row.status)
    _send([row for row in rows if row.status == Status.RUNNING], front=True)


def _take_over(tx: Connection, most: int) -> list[Row[Any]]:
    """Free what lost workers had, and start what crashed executions name for a failure."""
    rows = claims.take_over_lost(tx, most, BATCH)
    children.start_handlers(tx, [row.id for row in rows if row.status == Status.FAILED])
    return rows


def send_due_waits() -> None:
    """Send executions whose wait is over, before anything that is pending."""
    _send(_locked("waits", lambda tx: claims.send_due_waits(tx, BATCH)), front=True)


def send_delayed() -> None:
    """Send executions whose `runAt` has come."""
    _send(_locked("delayed", lambda tx: claims.send_delayed(tx, BATCH)))


def send_lost() -> None:
    """Send again what got lost: its ticket is older than the first of the list, or the list is empty."""
    with reading() as tx:
        now = installation.read(tx)
    if now.paused:
        return
    head = head_sent_at(_redis())
    before = now.database_now - SENT_LONG_AGO
    if head is not None:
        before = min(before, head - BEHIND_HEAD)
    rows = _locked("lost jobs", lambda tx: claims.send_again(tx, before, BATCH))
    if rows:
        logger.warning("jobs got lost and are sent again", jobs=len(rows))
    _send(rows)


def purge_deleted() -> None:
    """Take away one batch of what deleted spaces and workflows left."""
    deletions.purge_deleted(BATCH)


def forget_idempotency_keys() -> None:
    """Delete idempotency keys that are over their time."""
    with transaction() as tx:
        idempotency.forget_old(tx, BATCH)


PASSES: tuple[Callable[[], None], ...] = (
    fire_due_schedules,
    firing.release_buffered,
    note,
    take_over_lost,
    send_due_waits,
    send_delayed,
    send_lost,
    purge_deleted,
    schedules.purge_deleted,
    forget_idempotency_keys,
    webhooks.forget_old_deliveries,
)


def _make(name: str, make: Callable[[], None]) -> None:
    try:
        make()
    except (DatabaseUnavailable, DBAPIError, Away) as error:
        logger.warning("a pass of the tick failed; the next tick makes it again", made=name, error=str(error))


def _locked(name: str, work: Callable[[Connection], list[Row[Any]]]) -> list[Row[Any]]:
    """Do a pass's work in one short transaction, unless another clock is at it."""
    with transaction() as tx:
        return work(tx) if installation.try_lock(tx, name) else []


def _send(rows: Sequence[Row[Any]], *, front: bool = False) -> None:
    if rows:
        push(
            _redis(),
            [Ticket(row.id, row.workspace_id, row.send_no, row.sent_at) for row in rows],
            front=front,
        )


def _redis() -> Any:
    if "tick_redis" not in current_app.extensions:
        current_app.extensions["tick_redis"] = connect(current_app.config["SETTINGS"].redis_url)
    return current_app.extensions["tick_redis"]

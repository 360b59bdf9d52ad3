"""The tick: once a second it repairs and moves on whatever no worker holds; any number of clocks may tick."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import Connection, Row
from sqlalchemy.exc import DBAPIError

from app import log
from app.errors import DatabaseUnavailable
from app.queue import Away, Ticket, connect, head_sent_at, push, suspend
from app.services import (
    bulk_batches,
    deletions,
    endings,
    executions,
    firing,
    retention,
    schedules,
    sessions,
    webhooks,
)
from app.services.endings import Aftermath
from app.services.transaction import reading, transaction
from app.settings import Settings
from app.states import Status
from app.store import claims, counters, idempotency, installation, quotas

BATCH = 1_000
# What sleeps wakes on the second: more of it at once than of what has time.
WAKE_BATCH = 5_000
SENT_LONG_AGO = timedelta(seconds=5)
BEHIND_HEAD = timedelta(seconds=2)
LOOK_SECONDS = 0.95
SETTLED_SECONDS = 15  # what ended longer ago than this is committed

logger = log.get(__name__)


def tick() -> None:
    """Make every pass once, then fire what becomes due within the second in which the tick began.

    A pass that fails is logged and leaves the others alone.
    """
    end = time.monotonic() + LOOK_SECONDS
    counts = _make_all(PASSES)
    _make("look_for_due", lambda: firing.look_for_due(end))
    _make("count", lambda: _count(counts))


def repair() -> dict[str, int]:
    """Make the passes of a tick for somebody who is no clock; give what each of them did, by its name.

    What got lost comes first: behind tickets that others put at the front it would not be found.
    """
    return _make_all([send_lost, *(make for make in PASSES if make not in (note, send_lost))])


def fire_due_schedules() -> int:
    """Fire every schedule that is due."""
    return firing.fire_due_schedules()


def note() -> None:
    """Note the tick, and make RQ's suspension say what the pause in Postgres says."""
    with transaction() as tx:
        installation.note_tick(tx)
        paused = installation.read(tx).paused
    suspend(_redis(), paused)


def take_over_lost() -> int:
    """Free the executions of lost workers, so that others go on with them within a second."""
    settings: Settings = current_app.config["SETTINGS"]
    aftermath = Aftermath()
    rows = _locked("leases", lambda tx: _take_over(tx, settings.max_takeovers, aftermath))
    for row in rows:
        logger.warning("a worker was lost", execution=str(row.id), takeovers=row.takeovers, status=row.status)
    executions.announce(rows)
    aftermath.tell()
    _send([row for row in rows if row.status == Status.RUNNING], front=True)
    return len(rows)


def _take_over(tx: Connection, most: int, aftermath: Aftermath) -> list[Row[Any]]:
    """Free what lost workers had, and do what belongs to the end of those that crashed for good."""
    rows = claims.take_over_lost(tx, most, BATCH)
    ended = endings.after_failures(tx, [row.id for row in rows if row.status == Status.FAILED])
    aftermath.to_ring, aftermath.to_send = ended.to_ring, ended.to_send
    return rows


def send_due_waits() -> int:
    """Send executions whose wait is over, before anything that is pending."""
    return _send(_locked("waits", lambda tx: claims.send_due_waits(tx, WAKE_BATCH)), front=True)


def send_delayed() -> int:
    """Send executions whose `runAt` has come."""
    return _send(_locked("delayed", lambda tx: claims.send_delayed(tx, WAKE_BATCH)))


def release_held() -> int:
    """Queue what quotas hold back where places are free; mostly the flush that freed them did it already."""
    return _send(_locked("held", lambda tx: quotas.release(tx, quotas.all_crowded(tx), WAKE_BATCH)))


def send_lost() -> int:
    """Send again what got lost: its ticket is older than the first of the list, or the list is empty."""
    before = lost_before()
    if before is None:
        return 0
    rows = _locked("lost jobs", lambda tx: claims.send_again(tx, before, BATCH))
    if rows:
        logger.warning("jobs got lost and are sent again", jobs=len(rows))
    return _send(rows)


def lost_before(long_ago: timedelta = SENT_LONG_AGO) -> datetime | None:
    """Tell before when a ticket that nobody took must have been sent to be lost; None while paused.

    Raises Away, DatabaseUnavailable.
    """
    with reading() as tx:
        now = installation.read(tx)
    if now.paused:
        return None
    head = head_sent_at(_redis())
    before: datetime = now.database_now - long_ago
    return before if head is None else min(before, head - BEHIND_HEAD)


def purge_deleted() -> int:
    """Take away one batch of what deleted spaces and workflows left."""
    return deletions.purge_deleted(BATCH)


def forget_idempotency_keys() -> int:
    """Delete idempotency keys that are over their time."""
    with transaction() as tx:
        return idempotency.forget_old(tx, BATCH)


def count_finished() -> None:
    """Count for good how many executions have ended, before retention takes them."""
    with transaction() as tx:
        if installation.try_lock(tx, "finished counts"):
            counters.fold_finished(tx, SETTLED_SECONDS)


PASSES: tuple[Callable[[], int | None], ...] = (
    fire_due_schedules,
    firing.release_buffered,
    note,
    take_over_lost,
    endings.end_overdue,
    send_due_waits,
    send_delayed,
    release_held,
    send_lost,
    count_finished,
    bulk_batches.go_on_with_all,
    purge_deleted,
    schedules.purge_deleted,
    forget_idempotency_keys,
    sessions.forget_old,
    webhooks.forget_old_deliveries,
    retention.delete_old,
)
# What these do is their daily work, or they tell of it themselves.
QUIET = (
    fire_due_schedules,
    firing.release_buffered,
    take_over_lost,
    endings.end_overdue,
    send_due_waits,
    send_delayed,
    send_lost,
    retention.delete_old,
)


def _make_all(passes: Sequence[Callable[[], int | None]]) -> dict[str, int]:
    """Make passes one after the other; give what those did that had something to do."""
    counts = {name_of(make): _make(name_of(make), make) for make in passes}
    return {name: count for name, count in counts.items() if count}


def name_of(make: Callable[[], int | None]) -> str:
    """Name a pass as metrics and logs do."""
    module = make.__module__.rpartition(".")[2]
    return make.__name__ if make.__module__ == __name__ else f"{module}.{make.__name__}"


def _make(name: str, make: Callable[[], int | None]) -> int:
    try:
        count = make() or 0
    except (DatabaseUnavailable, DBAPIError, Away) as error:
        logger.warning("a pass of the tick failed; the next tick makes it again", made=name, error=str(error))
        return 0
    if count:
        tell = logger.debug if make in QUIET else logger.info
        tell("a pass of the tick had something to do", made=name, count=count)
    return count


def _count(counts: dict[str, int]) -> None:
    """Add to the counters what the passes did."""
    if counts:
        with transaction() as tx:
            counters.add_repairs(tx, counts)


def _locked(name: str, work: Callable[[Connection], list[Row[Any]]]) -> list[Row[Any]]:
    """Do a pass's work in one short transaction, unless another clock is at it."""
    with transaction() as tx:
        return work(tx) if installation.try_lock(tx, name) else []


def _send(rows: Sequence[Row[Any]], *, front: bool = False) -> int:
    if rows:
        push(
            _redis(),
            [Ticket(row.id, row.workspace_id, row.send_no, row.sent_at) for row in rows],
            front=front,
        )
        executions.announce(rows)
    return len(rows)


def _redis() -> Any:
    if "tick_redis" not in current_app.extensions:
        current_app.extensions["tick_redis"] = connect(current_app.config["SETTINGS"].redis_url)
    return current_app.extensions["tick_redis"]

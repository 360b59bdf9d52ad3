"""Schedules fire here: fires, executions and the next instants of a batch commit together.

A due row is locked by one clock and skipped by the others, and its instants leave it in the transaction that
makes their executions: however many clocks there are and wherever one dies, each instant fires once.
"""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row
from sqlalchemy.exc import DBAPIError

from app import log
from app.services import executions
from app.services.cron import parse
from app.services.due import CatchUp, Due, due
from app.services.rounds import Batch, FireReason
from app.services.transaction import is_away, reading, transaction
from app.store import firing as store
from app.store.firing import Fire

BATCH = 1_000
MOST_INSTANTS = 2_000
MOST_BYTES = 16 * 1024 * 1024
REPEATABLE = ("40001", "40P01", "55P03")

logger = log.get(__name__)


def fire_due_schedules(seconds: float = 5.0) -> int:
    """Fire every schedule that is due, for about `seconds` at most; give how many schedules were due.

    Any number of processes may do this at once.
    """
    end, total = time.monotonic() + seconds, 0
    while count := _fire_batch():
        total += count
        if time.monotonic() >= end:
            break
    return total


def release_buffered() -> int:
    """Send executions that waited for the one before them, of the same schedule, to end; give how many."""
    with transaction() as tx:
        rows = store.release_buffered(tx, BATCH)
    executions.send(rows)
    return len(rows)


def look_for_due(until: float) -> tuple[int, int]:
    """Fire what becomes due before `until`, on the monotonic clock, at its very moment.

    Gives how many schedules were due, and how many executions were sent that had waited for another one.
    """
    fired = released = 0
    while (left := until - time.monotonic()) > 0:
        with reading() as tx:
            seconds = store.seconds_to_next(tx)
        if seconds is None or seconds > left:
            break
        time.sleep(max(seconds, 0.0))
        fired += fire_due_schedules(left)
        released += release_buffered()
    return fired, released


def _fire_batch(ids: Sequence[UUID] | None = None) -> int:
    """Fire a batch of due schedules; what the database refuses is halved until the bad one stands alone."""
    rows: Sequence[Row[Any]] = ()
    try:
        with transaction() as tx:
            rows = store.lock_due(tx, BATCH, ids)
            batch = _fire(tx, rows)
    except DBAPIError as error:
        if not rows or is_away(error) or getattr(error.orig, "pgcode", None) in REPEATABLE:
            raise
        if len(rows) == 1:
            return _put_aside(rows[0].id, error)
        half = [row.id for row in rows[: len(rows) // 2]], [row.id for row in rows[len(rows) // 2 :]]
        return sum(map(_fire_batch, half))
    if batch is None:
        return 0
    executions.send(batch.to_send)
    executions.ring(batch.cancelled)
    return batch.size


def _fire(tx: Connection, rows: Sequence[Row[Any]]) -> Batch | None:
    """Fire what is due of locked schedules, as many as a transaction should hold."""
    planned: list[tuple[Row[Any], Due | None]] = []
    instants = size = 0
    for row in rows:
        found = _due(row)
        count = len(found.instants) if found else 0
        instants, size = instants + count, size + count * row.input_size
        if planned and (instants > MOST_INSTANTS or size > MOST_BYTES):
            break
        planned.append((row, found))
    if not planned:
        return None
    batch = Batch(tx, planned)
    batch.fire()
    store.record(tx, batch.fires)
    fired = {fire.schedule_id for fire in batch.fires if fire.execution_id is not None}
    store.advance(tx, [(row.id, _next_of(found), row.id in fired) for row, found in planned])
    return batch


def _due(row: Row[Any]) -> Due | None:
    """Find what is due of a schedule; None when it is broken: its pattern or zone cannot be read any more."""
    try:
        cron = parse(row.cron, row.timezone)
        return due(cron, row.next_fire_at, row.database_now, CatchUp(row.catch_up))
    except Exception as error:  # noqa: BLE001 -- one that nobody thought of must not stop all others
        logger.warning("a schedule is broken", schedule=str(row.id), error=str(error))
        return None


def _next_of(found: Due | None) -> datetime | None:
    return found.next_at if found else None


def _put_aside(schedule_id: UUID, error: DBAPIError) -> int:
    """Record a schedule that the database refuses to fire as broken, and go on with its next instant."""
    logger.error("a schedule cannot be fired", schedule=str(schedule_id), error=str(error))
    with transaction() as tx:
        for row in store.lock_due(tx, 1, [schedule_id]):
            at: datetime = row.next_fire_at
            known = store.recorded(tx, [(row.id, at)])
            store.record(tx, [] if known else [Fire(row.id, at, "skipped", FireReason.BROKEN)])
            store.advance(tx, [(row.id, _next_of(_due(row)), False)])
    return 1

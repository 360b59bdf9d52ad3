"""The tick: once a second it repairs and moves on whatever no worker holds; any number of clocks may tick."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
from app.services.transaction import absence, reading, transaction
from app.settings import Settings
from app.states import Status
from app.store import claims, counters, idempotency, installation, news, quotas

BATCH = 1_000
# What sleeps wakes on the second: more of it at once than of what has time.
WAKE_BATCH = 5_000
SENT_LONG_AGO = timedelta(seconds=5)
# A worker looks after its leases each second, and finds within a few that the database is back.
AFTER_ABSENCE_SECONDS = 5.0
SILENCE_SECONDS = 3.0
BEHIND_HEAD = timedelta(seconds=2)
LOOK_SECONDS = 0.95
FAILED = "a pass of the tick failed; the next tick makes it again"
MOST_SAID = 300
SETTLED_SECONDS = 15  # what ended longer ago than this is committed

Pass = Callable[[], int | None]

logger = log.get(__name__)


def tick() -> None:
    """Make every pass once, then fire what becomes due within the second in which the tick began.

    A pass that fails is logged and leaves the others alone; how long it has been failing is kept.
    """
    end, done = time.monotonic() + LOOK_SECONDS, Round()
    done.make_all(PASSES)
    done.make("look_for_due", lambda: _look_for_due(end, done.counts))
    Round().make("note_round", lambda: _note_round(done, +done.counts))


def repair() -> dict[str, int]:
    """Make the passes of a tick for somebody who is no clock; give what each of them did, by its name.

    What got lost comes first: behind tickets that others put at the front it would not be found.
    """
    done = Round()
    done.make_all([send_lost, *(make for make in PASSES if make not in (note, send_lost))])
    Round().make("note_round", lambda: _note_round(done, {}))
    return dict(+done.counts)


def fire_due_schedules() -> int:
    """Fire every schedule that is due."""
    return firing.fire_due_schedules()


def note() -> None:
    """Note the tick, and make RQ's suspension say what the pause in Postgres says.

    No tick by any clock for as long as a lease may be behind means that none could reach the database.
    """
    settings: Settings = current_app.config["SETTINGS"]
    with transaction() as tx:
        silence = installation.note_tick(tx)
        paused = installation.read(tx).paused
    if silence is not None and silence > max(SILENCE_SECONDS, settings.lease_seconds / 2):
        absence().suspect()
    suspend(_redis(), paused)


def take_over_lost() -> int:
    """Free the executions of lost workers, so that others go on with them within a second.

    While the database was away no worker could renew: those that live get a moment to do it.
    """
    if absence().over_seconds < AFTER_ABSENCE_SECONDS:
        return 0
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
    woken = news.wake_parents(tx, [row.id for row in rows if row.status != Status.RUNNING])
    aftermath.to_ring, aftermath.to_send = ended.to_ring, ended.to_send + woken
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


PASSES: tuple[Pass, ...] = (
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


def name_of(make: Pass) -> str:
    """Name a pass as metrics and logs do."""
    module = make.__module__.rpartition(".")[2]
    return make.__name__ if make.__module__ == __name__ else f"{module}.{make.__name__}"


class Round:
    """Passes that are made one after the other: what they did, which succeeded, and what others failed of."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.succeeded: list[str] = []
        self.failures: dict[str, str] = {}
        self._away: set[str] = set()

    def make_all(self, passes: Sequence[Pass]) -> None:
        """Make passes under their names."""
        for make in passes:
            self.make(name_of(make), make)

    def make(self, name: str, make: Pass) -> None:
        """Make one pass; a server that is away is told elsewhere. Whatever it raises stops no other pass."""
        try:
            count = make() or 0
        except (DatabaseUnavailable, Away) as error:
            self._tell_away(name, str(error))
        except Exception as error:
            logger.warning(FAILED, made=name, error=str(error), exc_info=not isinstance(error, DBAPIError))
            self.failures[name] = " ".join(str(getattr(error, "orig", error)).split())[:MOST_SAID]
        else:
            self.succeeded.append(name)
            self.counts[name] += count
            if count:
                tell = logger.debug if make in QUIET else logger.info
                tell("a pass of the tick had something to do", made=name, count=count)

    def _tell_away(self, name: str, error: str) -> None:
        """Warn once of a server that every pass misses."""
        tell = logger.debug if error in self._away else logger.warning
        tell(FAILED, made=name, error=error)
        self._away.add(error)


def _look_for_due(until: float, counts: Counter[str]) -> None:
    """Fire what becomes due meanwhile; it counts as what the passes of the same kind did."""
    fired, released = firing.look_for_due(until)
    counts[name_of(fire_due_schedules)] += fired
    counts[name_of(firing.release_buffered)] += released


def _note_round(done: Round, counts: Mapping[str, int]) -> None:
    """Add to the counters what passes did, and keep which of them fail."""
    with transaction() as tx:
        if counts:
            counters.add_repairs(tx, counts)
        counters.note_failures(tx, done.failures, done.succeeded)


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

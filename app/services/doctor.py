"""What is stuck in the whole installation, why, and what to do; and the repairs of the tick, made now."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import Connection, Row

from app.queue import Away
from app.services import queues, readiness, tick
from app.services.findings import Finding
from app.services.queues import QueueStatus
from app.services.transaction import reading
from app.settings import Settings
from app.store import overdue, stuck
from app.store.queue_counts import Counts

LATE_SECONDS = 10
LOST_AFTER = timedelta(seconds=15)
HELD_SECONDS = 60.0
TICK = "check the clock process, or repair it now with doctor --fix"
MORE = "start workers, or more of them"
NO_CLOCK = "the clock moves them on once a second, and did not"


def examine() -> list[Finding]:
    """Find what is wrong or stuck, the causes first."""
    found = readiness.findings()
    if readiness.is_fatal(found):
        return found
    status = queues.status()
    found += _of_queue(status)
    with reading() as tx:
        found += _of_rows(tx)
        found += _of_quotas(tx)
        if status.workers is not None:
            found += _of_tickets(tx)
    return found


def fix() -> dict[str, int]:
    """Make the repairs of a tick; give what each pass did."""
    return {} if readiness.is_fatal(readiness.findings()) else tick.repair()


def _of_queue(status: QueueStatus) -> Iterator[Finding]:
    pending = _left_undone(status.counts)
    if status.workers is None:
        yield readiness.REDIS_AWAY
    elif status.workers == 0:
        todo = "start one with python worker.py, in place of one that hangs"
        yield Finding("no_worker", "No worker gives signs of life", pending, todo)
    if status.counts.paused:
        yield Finding("paused", "The queue is paused", pending, "run flask --app wsgi queue resume")
    elif queues.suspended_by_others():
        yield Finding("suspended", "The workers are suspended by rq suspend", pending, "run rq resume")


def _left_undone(counts: Counts) -> str:
    """Say what does not go on while nobody works."""
    parts = [
        f"{count} {what}"
        for count, what in (
            (counts.pending, "pending executions do not start"),
            (counts.unowned, "running ones have no owner and wait to be taken over"),
        )
        if count
    ]
    return ", and ".join(parts) or "what is started now does not begin"


def _of_rows(tx: Connection) -> Iterator[Finding]:
    """Find what the tick should have moved on by now."""
    settings: Settings = current_app.config["SETTINGS"]
    counts = stuck.count(tx, LATE_SECONDS, settings.max_takeovers)
    late = overdue.count(tx, stuck.MOST)
    for code, count, what in (
        ("expired_leases", counts.leases, "executions belong to workers that were lost"),
        ("late_waits", counts.waits, "executions wait though their time has come"),
        ("late_delayed", counts.delayed, "delayed executions were not sent though their time has come"),
        ("late_schedules", counts.schedules, "schedules are due and did not fire"),
        ("overdue", late, "executions are past their time and have no owner"),
        ("bulk_waits", counts.bulk, "bulk operations do not go on"),
    ):
        if count:
            yield Finding(code, _several(count, what), NO_CLOCK, TICK, count)
    if counts.untaken:
        what = _several(counts.untaken, "executions woke over a minute ago and no worker took them")
        yield Finding("slow_to_go_on", what, "the workers are away, or have no room", MORE, counts.untaken)
    if counts.suspects:
        what = _several(counts.suspects, "executions that lost their worker again and again wait to go on")
        why = "the next loss would end each of them, so a worker begins one at a time, a minute apart at most"
        yield Finding("begin_alone", what, why, f"let them, or {MORE}", counts.suspects)


def _of_quotas(tx: Connection) -> Iterator[Finding]:
    for row in stuck.held(tx, HELD_SECONDS):
        what = (
            f"{row.held} executions of the workflow {row.workflow_name!r} in {row.name!r} are held back,"
            f" the oldest for {row.oldest_seconds:.0f} s"
        )
        code, why, todo = _reason_of_hold(row)
        yield Finding(code, what, why, todo, row.held)


def _reason_of_hold(row: Row[Any]) -> tuple[str, str, str]:
    """Say which quota holds executions back, and what to do; or that none does any more."""
    if row.taken >= row.places:
        why = f"maxConcurrentExecutions is {row.places}, and {row.taken} are queued or at work"
        return "held", why, "wait for those, or raise the workspace's quota"
    if row.own_places is not None and row.own_taken >= row.own_places:
        why = f"the workflow's maxConcurrency is {row.own_places}, and {row.own_taken} are queued or at work"
        return "held", why, "wait for those, or raise it"
    return "held_too_long", f"only {row.taken} of {row.places} places are taken: {NO_CLOCK}", TICK


def _of_tickets(tx: Connection) -> Iterator[Finding]:
    try:
        before = tick.lost_before(LOST_AFTER)
    except Away:
        yield readiness.REDIS_AWAY
        return
    count = 0 if before is None else stuck.lost(tx, before)
    if count:
        what = _several(count, "tickets got lost")
        why = "a worker died with them in its hand, or Redis was emptied; the clock sends them again"
        yield Finding("lost_tickets", what, why, TICK, count)


def _several(count: int, what: str) -> str:
    return f"{count}{' or more' if count >= stuck.MOST else ''} {what}"

"""How late schedules fire: one clock beside a full queue, with a worker that is paused, then busy."""

import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from psycopg2.extras import execute_values

from app.clock import new_id
from benchmarks.ours import Ours
from benchmarks.processes import Broken, started, wait_for
from benchmarks.servers import Servers

QUEUED, EVERY_SECOND, AT_ONCE = 20_000, 50, 10_000
LIMIT_SECONDS = 60
# Half a second of computing each: more than any machine gets done while this is measured.
SPIN = "const end = Date.now() + 500; while (Date.now() < end); return 1;"
BUSY = [{"id": "spin", "type": "code", "with": {"source": SPIN}}]
LAGS = """
SELECT extract(epoch FROM e.created_at - f.scheduled_for)::float8
FROM schedule_fires f JOIN executions e ON e.id = f.execution_id WHERE f.schedule_id = ANY(%s::uuid[])
"""
FIRED = "SELECT count(*) FROM schedule_fires WHERE schedule_id = ANY(%s::uuid[])"


@dataclass(frozen=True, slots=True)
class Fired:
    """Seconds from an instant to its execution, and until all that was due at one instant was committed."""

    paused: tuple[float, ...]
    busy: tuple[float, ...]
    burst: float


def fire(ours: Ours, one_step: UUID, busy: UUID, seconds: float) -> Fired:
    """Measure for `seconds` with each worker, from the clock's first tick on; raises Broken."""
    ours.servers.empty()
    _pause(ours.servers, True)
    try:
        ours.backlog(busy, QUEUED)
        clock = [[sys.executable, "-m", "app.ticker"]]
        with ours.ready_worker(), started(clock, ours.env, ours.servers.folder / "clock.log"):
            wait_for(lambda: _ticks(ours.servers), "the first tick", LIMIT_SECONDS)
            paused = _lags(ours, one_step, seconds)
            burst = _burst(ours, one_step)
            _pause(ours.servers, False)
            wait_for(lambda: _is_busy(ours.servers), "the worker's first step", LIMIT_SECONDS)
            return Fired(paused, _lags(ours, one_step, seconds), burst)
    finally:
        _pause(ours.servers, False)
        ours.servers.ask("DELETE FROM schedules RETURNING 1")


def _lags(ours: Ours, workflow_id: UUID, seconds: float) -> tuple[float, ...]:
    """Let schedules of every second fire; each instant must have."""
    ids = _add(ours, workflow_id, EVERY_SECOND, "* * * * * *", "date_trunc('second', now()) + interval '1 s'")
    time.sleep(seconds + 1)
    _stop(ours.servers)
    lags = tuple(lag for (lag,) in ours.servers.ask(LAGS, (ids,)))
    if len(lags) < EVERY_SECOND * int(seconds):
        raise Broken(f"only {len(lags)} of {EVERY_SECOND * int(seconds)} instants fired")
    return lags


def _burst(ours: Ours, workflow_id: UUID) -> float:
    """Let many schedules be due at the same instant; give the seconds until the last is committed."""
    due = "date_trunc('second', now()) + interval '6 s'"
    ids = _add(ours, workflow_id, AT_ONCE, "0 0 1 1 *", due)
    [(at,)] = ours.servers.ask("SELECT min(next_fire_at) FROM schedules WHERE enabled")
    # Only instants of the pattern fire: make the one to come an instant.
    pattern = f"{at.second} {at.minute} {at.hour} {at.day} {at.month} *"
    ours.servers.ask("UPDATE schedules SET cron = %s WHERE enabled RETURNING 1", (pattern,))
    [(now,)] = ours.servers.ask("SELECT clock_timestamp()")
    if at - now < timedelta(seconds=0.5):
        raise Broken("making the schedules took too long")
    time.sleep((at - now).total_seconds())
    wait_for(lambda: ours.servers.ask(FIRED, (ids,)) == [(AT_ONCE,)], "the burst", LIMIT_SECONDS, 0.1)
    [(now,)] = ours.servers.ask("SELECT clock_timestamp()")
    _stop(ours.servers)
    burst: float = (now - at).total_seconds()
    return burst


def _add(ours: Ours, workflow_id: UUID, count: int, cron: str, due: str) -> list[str]:
    rows = [(str(new_id()), str(ours.space_id), str(workflow_id), cron) for _ in range(count)]
    query = "INSERT INTO schedules (id, space_id, workflow_id, name, cron, next_fire_at) VALUES %s"
    with ours.servers.connected() as opened, opened.cursor() as cursor:
        execute_values(cursor, query, rows, f"(%s, %s, %s, 'n', %s, {due})", 20_000)
    return [row[0] for row in rows]


def _stop(servers: Servers) -> None:
    servers.ask("UPDATE schedules SET enabled = false, next_fire_at = NULL WHERE enabled RETURNING 1")


def _pause(servers: Servers, paused: bool) -> None:
    servers.ask("UPDATE installation SET paused = %s, last_tick_at = NULL RETURNING 1", (paused,))


def _ticks(servers: Servers) -> bool:
    return servers.ask("SELECT last_tick_at IS NOT NULL FROM installation") == [(True,)]


def _is_busy(servers: Servers) -> bool:
    return servers.ask("SELECT EXISTS (SELECT FROM executions WHERE status = 'completed')") == [(True,)]

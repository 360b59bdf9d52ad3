"""How late schedules fire: `python -m benchmarks.schedules [seconds]`; one clock, no worker, a full queue."""

import sys
import time
from datetime import timedelta
from typing import Any

from psycopg2.extras import execute_values

from app.clock import new_id
from benchmarks.ours import Ours, install
from benchmarks.percentiles import percentile
from benchmarks.processes import started, wait_for
from benchmarks.servers import Servers, running

QUEUED, EVERY_SECOND, AT_ONCE = 20_000, 50, 10_000
SETTLE_SECONDS = 5
STEPS = [{"id": "one", "type": "transform", "with": {"value": 1}}]
LAG = """
SELECT extract(epoch FROM e.created_at - f.scheduled_for)::float8
FROM schedule_fires f JOIN executions e ON e.id = f.execution_id
WHERE f.schedule_id = ANY(%s::uuid[]) ORDER BY 1
"""


def main(seconds: float) -> None:
    """Measure and print."""
    with running() as servers:
        ours = install(servers, "")
        workflow_id = ours.add_workflow("One step", STEPS)
        ours.backlog(workflow_id, QUEUED)
        with started([[sys.executable, "-m", "app.ticker"]], ours.env, servers.folder / "clock.log"):
            wait_for(lambda: _ticks(servers), "the first tick", 30)
            time.sleep(SETTLE_SECONDS)
            _print_lag(ours, workflow_id, seconds)
            _print_burst(ours, workflow_id)


def _print_lag(ours: Ours, workflow_id: Any, seconds: float) -> None:
    ids = _add(ours, workflow_id, EVERY_SECOND, "* * * * * *", "date_trunc('second', now()) + interval '2 s'")
    time.sleep(seconds)
    _stop(ours.servers)
    lags = [lag for (lag,) in ours.servers.ask(LAG, (ids,))]
    print(
        f"{EVERY_SECOND} schedules of every second, {seconds:.0f} s long, {QUEUED:,} executions waiting: "
        f"{len(lags):,} fires"
    )
    print(
        "  " + ", ".join(f"p{share * 100:g} {percentile(lags, share):.3f} s" for share in (0.5, 0.9, 0.99, 1))
    )


def _print_burst(ours: Ours, workflow_id: Any) -> None:
    due = "date_trunc('second', now()) + interval '4 s'"
    ids = _add(ours, workflow_id, AT_ONCE, "0 0 1 1 *", due)
    [(at, now)] = ours.servers.ask("SELECT min(next_fire_at), now() FROM schedules WHERE enabled")
    # Only instants of the pattern fire: make the one to come an instant.
    pattern = f"{at.second} {at.minute} {at.hour} {at.day} {at.month} *"
    ours.servers.ask("UPDATE schedules SET cron = %s WHERE enabled RETURNING 1", (pattern,))
    assert at - now > timedelta(seconds=1), "making the schedules took too long"
    left = "SELECT count(*) FROM schedule_fires WHERE schedule_id = ANY(%s::uuid[])"
    wait_for(lambda: ours.servers.ask(left, (ids,)) == [(AT_ONCE,)], "the burst", 60)
    [(now,)] = ours.servers.ask("SELECT clock_timestamp()")
    print(
        f"{AT_ONCE:,} schedules due in one second: all committed {(now - at).total_seconds():.2f} s after it"
    )


def _add(ours: Ours, workflow_id: Any, count: int, cron: str, due: str) -> list[str]:
    rows = [(str(new_id()), str(ours.space_id), str(workflow_id), cron) for _ in range(count)]
    query = "INSERT INTO schedules (id, space_id, workflow_id, name, cron, next_fire_at) VALUES %s"
    with ours.servers.connected() as opened, opened.cursor() as cursor:
        execute_values(cursor, query, rows, f"(%s, %s, %s, 'n', %s, {due})", 20_000)
    return [row[0] for row in rows]


def _stop(servers: Servers) -> None:
    servers.ask("UPDATE schedules SET enabled = false RETURNING 1")


def _ticks(servers: Servers) -> bool:
    return servers.ask("SELECT last_tick_at IS NOT NULL FROM installation") == [(True,)]


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 30)

"""What outlives every process: what the tick's passes did or why they fail, and how many executions ended."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from app.states import FINAL

REPAIRED = """
INSERT INTO tick_repairs (pass_name, repaired)
SELECT * FROM unnest(%(names)s::text[], %(counts)s::bigint[]) u(pass_name, repaired) ORDER BY pass_name
ON CONFLICT (pass_name) DO UPDATE
  SET repaired = tick_repairs.repaired + EXCLUDED.repaired, last_at = now()
"""

FAILED = """
INSERT INTO tick_repairs (pass_name, repaired, failing_since, failed_at, failure)
SELECT pass_name, 0, now(), now(), failure
FROM unnest(%(names)s::text[], %(said)s::text[]) u(pass_name, failure)
ORDER BY pass_name
ON CONFLICT (pass_name) DO UPDATE SET failed_at = now(), failure = EXCLUDED.failure,
  failing_since = coalesce(tick_repairs.failing_since, now())
"""
SUCCEEDED = """
UPDATE tick_repairs SET failing_since = NULL, failed_at = NULL, failure = NULL
WHERE failing_since IS NOT NULL AND pass_name = ANY(%(names)s)
"""
FAILING = """
SELECT pass_name, failure, extract(epoch FROM failed_at - failing_since)::float8 AS seconds
FROM tick_repairs WHERE failed_at - failing_since > %(seconds)s * interval '1 second' ORDER BY pass_name
"""

IDLE = timedelta(minutes=1)  # nothing is written oftener than this while nothing ends
COUNTED = "SELECT status::text AS status, total, until FROM finished_counts"

# Walked by workspace, as the index on the time of the end is.
ENDED = """
SELECT e.status::text AS status, count(*) AS ended FROM workspaces w CROSS JOIN LATERAL (
  SELECT status FROM executions WHERE workspace_id = w.id AND completed_at > %(since)s
    AND completed_at <= %(until)s OFFSET 0) e
GROUP BY e.status
"""
FOLD = """
INSERT INTO finished_counts (status, total, until)
SELECT u.*, %(until)s FROM unnest(%(statuses)s::execution_status[], %(counts)s::bigint[]) u
ON CONFLICT (status) DO UPDATE SET total = finished_counts.total + EXCLUDED.total, until = EXCLUDED.until
"""


def add_repairs(tx: Connection, counts: Mapping[str, int]) -> None:
    """Add to what passes did, by their names."""
    given = {"names": list(counts), "counts": list(counts.values())}
    tx.exec_driver_sql(REPAIRED, given)


def note_failures(tx: Connection, failures: Mapping[str, str], succeeded: Sequence[str]) -> None:
    """Keep which passes fail, since when and of what, by name; one that succeeds fails no more."""
    tx.exec_driver_sql(SUCCEEDED, {"names": list(succeeded)})
    if failures:
        tx.exec_driver_sql(FAILED, {"names": list(failures), "said": list(failures.values())})


def failing(tx: Connection, seconds: float) -> Sequence[Row[Any]]:
    """Name passes that failed at each tick for longer: `pass_name, failure, seconds`."""
    return tx.exec_driver_sql(FAILING, {"seconds": seconds}).all()


def repairs(tx: Connection) -> dict[str, int]:
    """Tell what each pass did so far."""
    rows = tx.exec_driver_sql("SELECT pass_name, repaired FROM tick_repairs ORDER BY pass_name")
    return {row.pass_name: row.repaired for row in rows}


def fold_finished(tx: Connection, settled_seconds: float) -> None:
    """Count for good what ended until some seconds ago, so that retention takes nothing from the counts.

    What ended in the last seconds may not be committed yet. One at a time: the caller holds a lock.
    """
    since, totals = _counted(tx)
    query = "SELECT now() - %(settled)s * interval '1 second'"
    until: datetime = tx.exec_driver_sql(query, {"settled": settled_seconds}).scalar_one()
    ended = {} if since is not None and until <= since else _ended(tx, since, until)
    if since is not None and not ended and until - since < IDLE:
        return
    given = {"until": until, "statuses": list(totals), "counts": [ended.get(name, 0) for name in totals]}
    tx.exec_driver_sql(FOLD, given)


def finished(tx: Connection) -> dict[str, int]:
    """Tell how many executions ever ended in each status: those counted for good and the latest rows."""
    since, totals = _counted(tx)
    ended = _ended(tx, since, None)
    return {status: total + ended.get(status, 0) for status, total in totals.items()}


def _counted(tx: Connection) -> tuple[datetime | None, dict[str, int]]:
    """Give until when ends were counted for good, and how many there were by status."""
    rows = tx.exec_driver_sql(COUNTED).all()
    totals = {status.value: 0 for status in sorted(FINAL)} | {row.status: row.total for row in rows}
    return max((row.until for row in rows), default=None), totals


def _ended(tx: Connection, since: datetime | None, until: datetime | None) -> dict[str, int]:
    given = {"since": since or "-infinity", "until": until or "infinity"}
    return {row.status: row.ended for row in tx.exec_driver_sql(ENDED, given)}

"""Counters that outlive every process: what the tick's passes did, and how many executions ended."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from app.states import FINAL

REPAIRED = """
INSERT INTO tick_repairs (pass_name, repaired)
SELECT * FROM unnest(%(names)s::text[], %(counts)s::bigint[]) u(pass_name, repaired) ORDER BY pass_name
ON CONFLICT (pass_name) DO UPDATE
  SET repaired = tick_repairs.repaired + EXCLUDED.repaired, last_at = now()
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

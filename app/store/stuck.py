"""What is stuck, counted for people: each count is of what the tick would have moved on by now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from app.store import quotas

MOST = 1_000
MOST_NAMED = 20

# A healthy tick needs a second or two for each of these; workers with room take what is untaken at once.
COUNT = """
SELECT
  (SELECT count(*) FROM (SELECT 1 FROM executions WHERE status = 'running'
     AND lease_expires_at < now() - %(late)s::interval LIMIT %(most)s) x) AS leases,
  (SELECT count(*) FROM (SELECT 1 FROM executions WHERE status = 'running' AND worker IS NULL
     AND wake_at < now() - %(late)s::interval AND sent_at < wake_at
     LIMIT %(most)s) x) AS waits,
  (SELECT count(*) FROM (SELECT 1 FROM executions WHERE status = 'running' AND worker IS NULL
     AND wake_at < now() - interval '1 minute' AND sent_at >= wake_at
     AND NOT (SELECT paused FROM installation) LIMIT %(most)s) x) AS untaken,
  (SELECT count(*) FROM (SELECT 1 FROM executions WHERE status = 'running' AND worker IS NULL
     AND wake_at IS NULL AND waiting_since IS NULL AND takeovers >= %(suspect)s
     LIMIT %(most)s) x) AS suspects,
  (SELECT count(*) FROM (SELECT 1 FROM executions WHERE status = 'pending' AND reason = 'queued'
     AND sent_at IS NULL AND run_at < now() - %(late)s::interval LIMIT %(most)s) x) AS delayed,
  (SELECT count(*) FROM (SELECT 1 FROM schedules WHERE enabled AND deleted_at IS NULL
     AND next_fire_at < now() - %(late)s::interval LIMIT %(most)s) x) AS schedules,
  (SELECT count(*) FROM bulk_operations WHERE status = 'running'
     AND updated_at < now() - interval '1 minute') AS bulk
"""
LOST = """
SELECT
  (SELECT count(*) FROM (SELECT 1 FROM executions WHERE status = 'pending' AND reason = 'queued'
     AND sent_at < %(before)s LIMIT %(most)s) x)
  + (SELECT count(*) FROM (SELECT 1 FROM executions WHERE status = 'running' AND worker IS NULL
     AND wake_at IS NULL AND waiting_since IS NULL AND sent_at < %(before)s LIMIT %(most)s) x)
  + (SELECT count(*) FROM (SELECT 1 FROM executions WHERE status = 'running' AND worker IS NULL
     AND wake_at <= now() AND sent_at >= wake_at AND sent_at < %(before)s LIMIT %(most)s) x) AS lost
"""
HELD = f"""
SELECT w.name, h.workflow_name, h.held, h.oldest_seconds, w.max_concurrent_executions AS places,
  f.max_concurrency AS own_places,
  {quotas.at_work("w.id")} + {quotas.queued("w.id")} AS taken,
  {quotas.at_work("w.id", "AND e.workflow_id = f.id")}
  + {quotas.queued("w.id", "AND e.workflow_id = f.id")} AS own_taken
FROM (SELECT workspace_id, workflow_id, min(workflow_name) AS workflow_name, count(*) AS held,
        extract(epoch FROM now() - min(since))::float8 AS oldest_seconds
      FROM (SELECT e.workspace_id, e.workflow_id, e.workflow_name, greatest(e.created_at, e.run_at) AS since
            FROM executions e WHERE {quotas.HELD} AND coalesce(e.run_at <= now(), true)
            UNION ALL
            SELECT e.workspace_id, e.workflow_id, e.workflow_name, e.wake_at
            FROM executions e WHERE {quotas.PUT_OFF} AND e.wake_at <= now()) waits
      GROUP BY workspace_id, workflow_id) h
JOIN workspaces w ON w.id = h.workspace_id
LEFT JOIN workflows f ON f.id = h.workflow_id
WHERE h.oldest_seconds > %(seconds)s
ORDER BY h.oldest_seconds DESC LIMIT %(most)s
"""  # noqa: S608 -- the conditions are constants


@dataclass(frozen=True, slots=True)
class Stuck:
    """How many of each kind are late, MOST at most; `suspects` would be given up after their next loss."""

    leases: int
    waits: int
    untaken: int
    suspects: int
    delayed: int
    schedules: int
    bulk: int


def count(tx: Connection, late_seconds: int, max_takeovers: int) -> Stuck:
    """Count what should have been moved on `late_seconds` ago, and what has to begin alone."""
    given = {"late": f"{late_seconds} seconds", "most": MOST, "suspect": max(1, max_takeovers - 1)}
    return Stuck(**tx.exec_driver_sql(COUNT, given).one()._mapping)


def lost(tx: Connection, before: datetime) -> int:
    """Count executions whose last ticket, older than `before`, must have got lost."""
    found: int = tx.exec_driver_sql(LOST, {"before": before, "most": MOST}).scalar_one()
    return found


def held(tx: Connection, seconds: float) -> Sequence[Row[Any]]:
    """Give the workflows of which a quota holds some back for long, the longest first.

    Each with the `name` of its workspace, `workflow_name, held, oldest_seconds`, the workspace's `places`
    and how many are `taken`, its `own_places` (None: any number) and `own_taken`.
    """
    return tx.exec_driver_sql(HELD, {"seconds": seconds, "most": MOST_NAMED}).all()

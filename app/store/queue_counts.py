"""What is in the queue of the whole installation, counted from partial indexes of unfinished executions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row


@dataclass(frozen=True, slots=True)
class Counts:
    """Unfinished executions by what they are waiting for.

    `pending` = `queued` (may start now) + `held` (by a quota) + `delayed` + `buffered` (by a schedule's
    overlap rule); `running` includes `waiting` (in a wait or long backoff; `woken` are those whose time has
    come) and `unowned` (lost or handed back, and not taken over yet). None is what never was.
    """

    pending: int
    queued: int
    held: int
    delayed: int
    buffered: int
    running: int
    waiting: int
    woken: int
    unowned: int
    oldest_pending_seconds: float | None
    paused: bool
    last_tick_seconds: float | None

    @property
    def at_work(self) -> int:
        """Count what runs and does not wait."""
        return self.running - self.waiting

    @property
    def left(self) -> int:
        """Count what workers still have to do now; what is delayed, buffered or waits on is not."""
        return self.queued + self.held + self.at_work + self.woken


COUNT = """
SELECT p.*, r.*, i.paused, extract(epoch FROM clock_timestamp() - i.last_tick_at)::float8 AS last_tick_seconds
FROM installation i,
  (SELECT count(*) AS pending,
     count(*) FILTER (WHERE due AND reason = 'queued') AS queued,
     count(*) FILTER (WHERE due AND reason = 'concurrency') AS held,
     count(*) FILTER (WHERE due AND reason = 'overlap') AS buffered,
     count(*) FILTER (WHERE NOT due) AS delayed,
     extract(epoch FROM now() - min(since) FILTER (WHERE due AND reason <> 'overlap'))::float8
       AS oldest_pending_seconds
   FROM (SELECT reason, greatest(created_at, run_at) AS since, coalesce(run_at <= now(), true) AS due
         FROM executions WHERE status = 'pending') unstarted) p,
  (SELECT count(*) AS running, count(*) FILTER (
       WHERE worker IS NULL AND wake_at IS NULL AND waiting_since IS NULL) AS unowned,
     count(*) FILTER (WHERE worker IS NULL AND wake_at <= now()) AS woken,
     count(*) FILTER (WHERE worker IS NULL AND (wake_at IS NOT NULL OR waiting_since IS NOT NULL)) AS waiting
   FROM executions WHERE status = 'running') r
"""

ASIDE = """
(SELECT id, workflow_name, CASE WHEN run_at > now() THEN 'delayed' ELSE 'buffered' END AS why, run_at AS until
 FROM executions WHERE status = 'pending' AND (run_at > now() OR reason = 'overlap')
 ORDER BY run_at, id LIMIT %(limit)s)
UNION ALL
(SELECT id, workflow_name, 'waiting' AS why, wake_at AS until
 FROM executions
 WHERE status = 'running' AND worker IS NULL AND (wake_at IS NOT NULL OR waiting_since IS NOT NULL)
 ORDER BY wake_at, id LIMIT %(limit)s)
LIMIT %(limit)s
"""


def read(tx: Connection) -> Counts:
    """Count all unfinished executions in one query."""
    return Counts(**tx.exec_driver_sql(COUNT).one()._mapping)


def set_aside(tx: Connection, limit: int) -> Sequence[Row[Any]]:
    """Give `id, workflow_name, why, until` of what is delayed, buffered or waiting, the next due first."""
    return tx.exec_driver_sql(ASIDE, {"limit": limit}).all()

"""Who owns an execution: claims, leases, take-overs and hand-backs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app.states import Status
from app.store import arrays, quotas, steps


@dataclass(frozen=True, slots=True)
class Suspects:
    """Of executions that were taken over `takeovers` times or more a claim takes `most`."""

    takeovers: int
    most: int


ANY_NUMBER = Suspects(32_767, 0)

# An execution whose workflow is gone is claimed too: its worker ends it with a clear reason. What finds no
# place in its workspace or workflow is held or, when it woke, put off until a place is free. What is held is
# not claimed, whatever old ticket names it: others may have come first.
CLAIM = f"""
{quotas.IN_ORDER}
{quotas.LOCK};
WITH due AS (
  SELECT id, workspace_id, workflow_id, wake_at, status = 'pending' OR waiting_since IS NOT NULL AS needs,
    takeovers >= %(suspect)s AND worker IS NULL AS suspect
  FROM executions WHERE id = ANY(%(ids)s::uuid[]) AND cancel_requested_at IS NULL
    AND (status = 'pending' AND reason = 'queued' AND (run_at IS NULL OR run_at <= now())
         OR status = 'running' AND (worker = %(worker)s
           OR worker IS NULL AND (wake_at IS NULL OR wake_at <= now())))
    AND NOT (SELECT paused FROM installation)
  ORDER BY id FOR NO KEY UPDATE
), space AS MATERIALIZED (
  SELECT w.id, w.max_execution_seconds, w.max_concurrent_executions - {quotas.at_work("w.id")} AS places
  FROM workspaces w WHERE w.id IN (SELECT workspace_id FROM due)
), flow AS MATERIALIZED (
  SELECT f.id, f.max_concurrency - {quotas.at_work("f.workspace_id", "AND e.workflow_id = f.id")} AS places
  FROM workflows f WHERE f.id IN (SELECT workflow_id FROM due) AND f.max_concurrency IS NOT NULL
), placed AS (
  SELECT d.id, d.suspect, s.max_execution_seconds, NOT d.needs OR (
    sum(d.needs::int) OVER (PARTITION BY d.workspace_id ORDER BY d.wake_at, d.id) <= s.places
    AND sum(d.needs::int) OVER (PARTITION BY d.workflow_id ORDER BY d.wake_at, d.id)
      <= coalesce(f.places, 2147483647)) AS fits
  FROM due d JOIN space s ON s.id = d.workspace_id LEFT JOIN flow f ON f.id = d.workflow_id
), alone AS (
  SELECT id FROM due WHERE suspect ORDER BY id LIMIT %(suspects)s
), moment AS MATERIALIZED (
  SELECT clock_timestamp() AS at
), held AS (
  UPDATE executions e SET sent_at = NULL, reason = CASE WHEN e.status = 'pending' THEN 'concurrency' END
  FROM placed WHERE e.id = placed.id AND NOT placed.fits
)
UPDATE executions e SET status = 'running', reason = NULL, worker = %(worker)s,
  lease_expires_at = now() + %(lease)s * interval '1 second', claim_no = e.claim_no + 1, wake_at = NULL,
  deadline_at = e.deadline_at + (now() - e.waiting_since), waiting_since = NULL,
  started_at = coalesce(e.started_at, moment.at)
FROM placed, moment
WHERE e.id = placed.id AND placed.fits AND (NOT placed.suspect OR e.id IN (SELECT id FROM alone))
RETURNING e.id, e.workspace_id, e.workflow_id, e.workflow_version, e.input::text AS input,
  e.trigger::text AS trigger, e.triggered_by, e.attempt, e.claim_no, e.created_at, e.started_at,
  e.deadline_at, e.retry_of, e.parent_id, e.depth, e.steps_done, placed.suspect,
  placed.max_execution_seconds,
  clock_timestamp() AS database_now
"""  # noqa: S608 -- the condition is a constant

RENEW = """
WITH mine AS (
  SELECT id FROM executions WHERE id = ANY(%(ids)s::uuid[]) AND worker = %(worker)s AND status = 'running'
  ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE executions e SET lease_expires_at = now() + %(lease)s * interval '1 second'
FROM mine WHERE e.id = mine.id
RETURNING e.id, e.claim_no
"""

OWNED = """
SELECT id, claim_no, cancel_requested_at IS NOT NULL AS cancelled, lease_expires_at > now() AS leased
FROM executions WHERE id = ANY(%(ids)s::uuid[]) AND worker = %(worker)s AND status = 'running'
"""

HAND_BACK = """
WITH mine AS (
  SELECT e.id FROM executions e
  JOIN unnest(%(ids)s::uuid[], %(claims)s::int[]) u(id, claim_no) USING (id, claim_no)
  WHERE e.worker = %(worker)s AND e.status = 'running' AND e.cancel_requested_at IS NULL
  ORDER BY e.id FOR NO KEY UPDATE OF e
)
UPDATE executions e SET worker = NULL, lease_expires_at = NULL, send_no = e.send_no + 1, sent_at = now()
FROM mine WHERE e.id = mine.id
RETURNING e.id, e.workspace_id, e.send_no, e.sent_at
"""


def claim_many(
    tx: Connection, ids: Sequence[UUID], worker: str, lease_seconds: int, suspects: Suspects = ANY_NUMBER
) -> list[Row[Any]]:
    """Take ownership of those of `ids` that are pending, or running without an owner, as places allow.

    One that is this worker's own already is claimed anew: the answer to an earlier claim was lost.
    """
    given = {
        "ids": arrays.ids(ids),
        "worker": worker,
        "lease": lease_seconds,
        "suspect": suspects.takeovers,
        "suspects": suspects.most,
    }
    return list(tx.exec_driver_sql(CLAIM, given))


def renew(tx: Connection, ids: Sequence[UUID], worker: str, lease_seconds: int) -> list[Row[Any]]:
    """Renew the leases of `ids`, then tell `id, claim_no, cancelled, leased` of those this worker still owns.

    A row that another transaction holds at this moment keeps its old lease until the next renewal. Where that
    has run out, `leased` is false: anybody may take it over.
    """
    given = {"ids": [str(i) for i in ids], "worker": worker, "lease": lease_seconds}
    tx.exec_driver_sql(RENEW, given)
    return owned(tx, ids, worker)


def owned(tx: Connection, ids: Sequence[UUID], worker: str) -> list[Row[Any]]:
    """Tell `id, claim_no, cancelled, leased` of those of `ids` that this worker owns."""
    return list(tx.exec_driver_sql(OWNED, {"ids": [str(i) for i in ids], "worker": worker}))


def hand_back(tx: Connection, owned: Sequence[tuple[UUID, int]], worker: str) -> list[Row[Any]]:
    """Give up executions (id, claim_no) of a worker that stops; gives what their tickets need."""
    given = {"ids": [str(i) for i, _ in owned], "claims": [claim for _, claim in owned], "worker": worker}
    return list(tx.exec_driver_sql(HAND_BACK, given))


LOST = """
WITH due AS (
  SELECT id FROM executions
  WHERE status = 'running' AND waiting_since IS NULL AND lease_expires_at < now()
  ORDER BY id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE executions e SET
  worker = NULL, lease_expires_at = NULL,
  takeovers = e.takeovers + CASE WHEN e.cancel_requested_at IS NULL THEN 1 ELSE 0 END,
  status = CASE WHEN e.cancel_requested_at IS NOT NULL THEN 'cancelled'::execution_status
                WHEN e.takeovers + 1 >= %(most)s THEN 'failed'::execution_status ELSE e.status END,
  reason = CASE WHEN e.cancel_requested_at IS NOT NULL THEN e.cancel_code
                WHEN e.takeovers + 1 >= %(most)s THEN 'crashed' END,
  error = CASE WHEN e.cancel_requested_at IS NULL AND e.takeovers + 1 >= %(most)s
               THEN format('The worker was lost %%s times while it ran this execution', %(most)s)
               ELSE e.error END,
  completed_at = CASE WHEN e.cancel_requested_at IS NOT NULL OR e.takeovers + 1 >= %(most)s
                      THEN greatest(clock_timestamp(), e.started_at) END,
  send_no = e.send_no + 1, sent_at = now()
FROM due WHERE e.id = due.id
RETURNING e.id, e.workspace_id, e.status, e.send_no, e.sent_at, e.takeovers
"""


def take_over_lost(tx: Connection, max_takeovers: int, limit: int) -> list[Row[Any]]:
    """Free executions whose lease ran out, or end them: cancelled if asked for, else crashed at the last."""
    rows = list(tx.exec_driver_sql(LOST, {"most": max_takeovers, "limit": limit}))
    if ended := [row.id for row in rows if row.status != Status.RUNNING]:
        steps.cancel_of(tx, ended)
    return rows


DUE = """
WITH due AS (
  SELECT id FROM executions WHERE status = 'running' AND worker IS NULL AND wake_at <= now()
    AND sent_at < wake_at
  ORDER BY wake_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE executions e SET send_no = e.send_no + 1, sent_at = now() FROM due WHERE e.id = due.id
RETURNING e.id, e.workspace_id, e.send_no, e.sent_at
"""

OWNERLESS = """
WITH due AS (
  SELECT id FROM executions WHERE status = 'running' AND worker IS NULL AND wake_at IS NULL
    AND waiting_since IS NULL AND sent_at < %(before)s
  ORDER BY id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE executions e SET send_no = e.send_no + 1, sent_at = now() FROM due WHERE e.id = due.id
RETURNING e.id, e.workspace_id, e.send_no, e.sent_at
"""

WOKEN = """
WITH due AS (
  SELECT id FROM executions WHERE status = 'running' AND worker IS NULL AND wake_at <= now()
    AND sent_at >= wake_at AND sent_at < %(before)s
  ORDER BY wake_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE executions e SET send_no = e.send_no + 1, sent_at = now() FROM due WHERE e.id = due.id
RETURNING e.id, e.workspace_id, e.send_no, e.sent_at
"""

PENDING = """
WITH due AS (
  SELECT id FROM executions WHERE status = 'pending' AND reason = 'queued' AND sent_at < %(before)s
  ORDER BY sent_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE executions e SET send_no = e.send_no + 1, sent_at = now() FROM due WHERE e.id = due.id
RETURNING e.id, e.workspace_id, e.send_no, e.sent_at
"""

DELAYED = """
WITH due AS (
  SELECT id FROM executions
  WHERE status = 'pending' AND reason = 'queued' AND sent_at IS NULL AND run_at <= now()
  ORDER BY run_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE executions e SET reason = 'concurrency' FROM due WHERE e.id = due.id
RETURNING e.workspace_id
"""


def send_due_waits(tx: Connection, limit: int) -> list[Row[Any]]:
    """Mark waiting executions whose time has come as sent; gives what their tickets need."""
    return list(tx.exec_driver_sql(DUE, {"limit": limit}))


def send_delayed(tx: Connection, limit: int) -> list[Row[Any]]:
    """Line up executions whose `run_at` has come, and queue what has places; gives what tickets need."""
    lined_up = {row.workspace_id for row in tx.exec_driver_sql(DELAYED, {"limit": limit})}
    return quotas.release(tx, sorted(lined_up), limit) if lined_up else []


def send_again(tx: Connection, before: Any, limit: int) -> list[Row[Any]]:
    """Mark executions as sent anew whose last ticket, older than `before`, must have got lost."""
    given = {"before": before, "limit": limit}
    return [row for which in (OWNERLESS, WOKEN, PENDING) for row in tx.exec_driver_sql(which, given)]

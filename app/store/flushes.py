"""What a worker's ledger writes: many executions in a few set statements, each fenced by worker and claim."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, Row

from app.states import Reason, Status
from app.store import arrays, steps


@dataclass(frozen=True, slots=True)
class Settlement:
    """How an execution ends; `output` is JSON text."""

    status: Status
    reason: Reason | None = None
    output: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Suspension:
    """How an execution waits: until when at the latest, its deadline, and where it waits for news."""

    wake_at: datetime | None
    deadline_at: datetime | None
    places: tuple[str, ...] = ()


# Locks the rows of a flush in id order, those to be claimed too, so that flushes never wait in a ring.
LOCK = """
SELECT id, claim_no, worker, status, cancel_requested_at IS NOT NULL AS cancelled
FROM executions WHERE id = ANY(%(ids)s::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""


def lock(tx: Connection, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """Lock executions in id order; gives `claim_no, worker, status, cancelled` by id."""
    return {row.id: row for row in tx.exec_driver_sql(LOCK, {"ids": arrays.ids(ids)})}


PROGRESS = """
UPDATE executions e SET steps_done = u.done FROM unnest(%(id)s::uuid[], %(done)s::smallint[]) u(id, done)
WHERE e.id = u.id AND e.steps_done <> u.done
"""


def write_progress(tx: Connection, done: Sequence[tuple[UUID, int]]) -> None:
    """Write how many steps of running executions have ended."""
    tx.exec_driver_sql(PROGRESS, {"id": [str(i) for i, _ in done], "done": [number for _, number in done]})


SETTLE = """
UPDATE executions e SET status = u.status, reason = u.reason, output = u.output, error = u.error,
  completed_at = greatest(clock_timestamp(), e.started_at), steps_done = u.done,
  worker = NULL, lease_expires_at = NULL
FROM unnest(%(id)s::uuid[], %(claim)s::int[], %(status)s::execution_status[], %(reason)s::text[],
  %(output)s::jsonb[], %(error)s::text[], %(done)s::smallint[])
  u(id, claim_no, status, reason, output, error, done)
WHERE e.id = u.id AND e.status = 'running' AND e.worker = %(worker)s AND e.claim_no = u.claim_no
  AND e.cancel_requested_at IS NULL
"""


def settle(tx: Connection, worker: str, ends: Sequence[tuple[UUID, int, Settlement, int]]) -> int:
    """End executions as (id, claim_no, settlement, steps done); gives how many did.

    One that was cancelled, or belongs to another claim by now, stays as it is.
    """
    columns = {
        "worker": worker,
        "id": arrays.ids(i for i, _, _, _ in ends),
        "claim": arrays.words(claim for _, claim, _, _ in ends),
        "status": arrays.words(end.status for _, _, end, _ in ends),
        "reason": arrays.words(end.reason for _, _, end, _ in ends),
        "output": arrays.texts(end.output for _, _, end, _ in ends),
        "error": arrays.texts(end.error for _, _, end, _ in ends),
        "done": arrays.words(done for _, _, _, done in ends),
    }
    return tx.exec_driver_sql(SETTLE, columns).rowcount


SETTLE_CANCELLED = """
UPDATE executions e SET status = 'cancelled', reason = e.cancel_code, worker = NULL, lease_expires_at = NULL,
  completed_at = greatest(clock_timestamp(), e.started_at)
WHERE e.id = ANY(%(ids)s::uuid[]) AND e.status = 'running' AND e.worker = %(worker)s
  AND e.cancel_requested_at IS NOT NULL
"""


def settle_cancelled(tx: Connection, worker: str, ids: Sequence[UUID]) -> None:
    """End this worker's executions that are flagged to be cancelled, and their steps in flight."""
    given = {"ids": [str(i) for i in ids], "worker": worker}
    tx.exec_driver_sql(SETTLE_CANCELLED, given)
    steps.cancel_of(tx, ids)


# News that came before the lock wakes the execution at once, so that none is missed.
SUSPEND = """
UPDATE executions e SET worker = NULL, lease_expires_at = NULL, waiting_since = now(),
  deadline_at = u.deadline_at, wake_at = CASE WHEN n.news THEN now() ELSE u.wake_at END,
  sent_at = CASE WHEN n.news THEN now() ELSE e.sent_at END,
  send_no = e.send_no + CASE WHEN n.news THEN 1 ELSE 0 END
FROM unnest(%(id)s::uuid[], %(claim)s::int[], %(wake_at)s::timestamptz[], %(deadline_at)s::timestamptz[],
  %(places)s::jsonb[]) u(id, claim_no, wake_at, deadline_at, places)
CROSS JOIN LATERAL (SELECT
  EXISTS (SELECT 1 FROM execution_signals s WHERE s.execution_id = u.id AND u.places ? s.step_id)
  OR EXISTS (SELECT 1 FROM executions c WHERE c.parent_id = u.id AND u.places ? c.parent_step
             AND c.status IN ('completed', 'failed', 'cancelled')) AS news) n
WHERE e.id = u.id AND e.status = 'running' AND e.worker = %(worker)s AND e.claim_no = u.claim_no
  AND e.cancel_requested_at IS NULL
RETURNING e.id, e.workspace_id, e.send_no, e.sent_at, n.news
"""


def suspend(tx: Connection, worker: str, rests: Sequence[tuple[UUID, int, Suspension]]) -> list[Row[Any]]:
    """Let executions (id, claim_no) wait without an owner; gives what the tickets need of those with news."""
    columns = {
        "worker": worker,
        "id": [str(i) for i, _, _ in rests],
        "claim": [claim for _, claim, _ in rests],
        "wake_at": [rest.wake_at for _, _, rest in rests],
        "deadline_at": [rest.deadline_at for _, _, rest in rests],
        "places": [orjson.dumps(rest.places).decode() for _, _, rest in rests],
    }
    return [row for row in tx.exec_driver_sql(SUSPEND, columns) if row.news]


def definition_of(tx: Connection, workflow_id: UUID, version: int) -> Any:
    """Give the definition of a workflow's version; None when it is gone."""
    query = (
        "SELECT definition::text FROM workflow_versions WHERE workflow_id = %(id)s AND number = %(number)s"
    )
    return tx.exec_driver_sql(query, {"id": str(workflow_id), "number": version}).scalar_one_or_none()

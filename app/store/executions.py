"""Executions come into being and are cancelled here; the worker's moves are in `claims` and `flushes`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, Row

from app.clock import new_id
from app.states import Reason, Status, TriggeredBy
from app.store import news, quotas, retries, steps
from app.store.retries import Reused

Json = Any


@dataclass(frozen=True, slots=True)
class Draft:
    """An execution to be: what its trigger knows, with the version of the workflow it is bound to."""

    workspace_id: UUID
    space_id: UUID | None
    workflow_id: UUID
    workflow_name: str
    workflow_version: int
    steps_total: int
    triggered_by: TriggeredBy
    input: Json
    trigger: Json = None
    tags: tuple[str, ...] = ()
    run_at: datetime | None = None
    idempotency_key: str | None = None
    attempt: int = 1
    retry_of: UUID | None = None
    parent_id: UUID | None = None
    parent_step: str | None = None
    depth: int = 0
    schedule_id: UUID | None = None
    webhook_id: UUID | None = None
    reused: tuple[Reused, ...] = ()
    id: UUID = field(default_factory=new_id)

    @property
    def steps_done(self) -> int:
        """Count the steps that are done before it begins."""
        return len(self.reused)


# `sent_at` is set at once: the ticket leaves right after the commit; a lost one looks old to the tick.
# What is delayed or held is not sent.
CREATE = """
INSERT INTO executions (id, workspace_id, space_id, workflow_id, workflow_name, workflow_version, steps_total,
  triggered_by, input, trigger, tags, run_at, idempotency_key, attempt, retry_of, parent_id, parent_step,
  depth, schedule_id, webhook_id, steps_done, reason, sent_at, send_no)
SELECT u.id, u.workspace_id, u.space_id, u.workflow_id, u.workflow_name, u.workflow_version, u.steps_total,
  u.triggered_by, u.input, u.trigger, ARRAY(SELECT jsonb_array_elements_text(u.tags)), u.run_at,
  u.idempotency_key, u.attempt, u.retry_of, u.parent_id, u.parent_step, u.depth, u.schedule_id, u.webhook_id,
  u.steps_done, CASE WHEN u.held THEN 'concurrency' ELSE 'queued' END,
  CASE WHEN u.held OR u.run_at > now() THEN NULL ELSE now() END,
  CASE WHEN u.held OR u.run_at > now() THEN 0 ELSE 1 END
FROM unnest(%(id)s::uuid[], %(workspace_id)s::uuid[], %(space_id)s::uuid[], %(workflow_id)s::uuid[],
  %(workflow_name)s::text[], %(workflow_version)s::int[], %(steps_total)s::smallint[],
  %(triggered_by)s::triggered_by[], %(input)s::jsonb[], %(trigger)s::jsonb[], %(tags)s::jsonb[],
  %(run_at)s::timestamptz[], %(idempotency_key)s::text[], %(attempt)s::smallint[], %(retry_of)s::uuid[],
  %(parent_id)s::uuid[], %(parent_step)s::text[], %(depth)s::smallint[], %(schedule_id)s::uuid[],
  %(webhook_id)s::uuid[], %(steps_done)s::smallint[], %(held)s::boolean[])
  u(id, workspace_id, space_id, workflow_id, workflow_name, workflow_version, steps_total, triggered_by,
    input, trigger, tags, run_at, idempotency_key, attempt, retry_of, parent_id, parent_step, depth,
    schedule_id, webhook_id, steps_done, held)
RETURNING *, (SELECT paused FROM installation) AS paused
"""

PLAIN = (
    "workflow_name",
    "workflow_version",
    "steps_total",
    "run_at",
    "idempotency_key",
    "attempt",
    "parent_step",
    "depth",
    "steps_done",
)
IDS = ("id", "workspace_id", "space_id", "workflow_id", "retry_of", "parent_id", "schedule_id", "webhook_id")


def create_many(tx: Connection, drafts: Sequence[Draft]) -> list[Row[Any]]:
    """Insert executions as pending, in order, and give their rows back. The only place that makes them.

    Beyond the places of their workspace or workflow they are held. Those that retry another take over its
    steps that they reuse.
    """
    columns: dict[str, list[Any]] = {name: [getattr(draft, name) for draft in drafts] for name in PLAIN}
    columns |= {name: [_text(getattr(draft, name)) for draft in drafts] for name in IDS}
    columns["triggered_by"] = [draft.triggered_by.value for draft in drafts]
    columns["input"] = [_json(draft.input) for draft in drafts]
    columns["trigger"] = [None if draft.trigger is None else _json(draft.trigger) for draft in drafts]
    columns["tags"] = [_json(list(draft.tags)) for draft in drafts]
    columns["held"] = _held(tx, drafts)
    rows = {row.id: row for row in tx.exec_driver_sql(CREATE, columns)}
    if taken := [(draft.id, draft.retry_of, draft.reused) for draft in drafts if draft.retry_of is not None]:
        retries.take_over_steps(tx, taken)
    return [rows[draft.id] for draft in drafts]


def _held(tx: Connection, drafts: Sequence[Draft]) -> list[bool]:
    """Tell for each draft whether it finds no place; one for later is asked when its time has come."""
    places = quotas.places(tx, {d.workspace_id for d in drafts}, {d.workflow_id for d in drafts})
    held = []
    for draft in drafts:
        wanted = [i for i in (draft.workspace_id, draft.workflow_id) if i in places]
        free = draft.run_at is not None or all(places[i] > 0 for i in wanted)
        for i in wanted:
            places[i] -= free and draft.run_at is None
        held.append(not free)
    return held


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _json(value: Json) -> str:
    return orjson.dumps(value).decode()


WORKFLOWS = """
SELECT w.id, w.space_id, w.name, w.enabled, w.version, v.steps_total, v.input_schema
FROM workflows w
JOIN spaces s ON s.id = w.space_id AND s.deleted_at IS NULL
JOIN workflow_versions v ON v.workflow_id = w.id AND v.number = w.version
WHERE w.workspace_id = %(workspace)s AND w.id = ANY(%(ids)s::uuid[]) AND w.deleted_at IS NULL
"""


def triggerable(tx: Connection, workspace_id: UUID, workflow_ids: Sequence[UUID]) -> dict[UUID, Row[Any]]:
    """Find the workflows of a workspace that a trigger may name, with their current version, by id."""
    rows = tx.exec_driver_sql(
        WORKFLOWS, {"workspace": str(workspace_id), "ids": [str(i) for i in workflow_ids]}
    )
    return {row.id: row for row in rows}


# Settles what has no owner at once, and flags what has one: one UPDATE, so an accepted cancel always wins.
CANCEL = """
WITH due AS (
  SELECT id FROM executions
  WHERE workspace_id = %(workspace)s AND status IN ('pending', 'running')
    AND id = ANY(%(ids)s::uuid[] || ARRAY(
    SELECT parent_id FROM executions WHERE id = ANY(%(ids)s::uuid[]) AND parent_id IS NOT NULL))
  ORDER BY id FOR NO KEY UPDATE
)
UPDATE executions e SET
  status = CASE WHEN e.worker IS NULL THEN 'cancelled'::execution_status ELSE e.status END,
  reason = CASE WHEN e.worker IS NULL THEN coalesce(e.cancel_code, %(code)s) ELSE e.reason END,
  completed_at = CASE WHEN e.worker IS NULL THEN greatest(clock_timestamp(), e.started_at) END,
  wake_at = NULL,
  error = coalesce(e.error, %(text)s),
  cancel_code = coalesce(e.cancel_code, %(code)s),
  cancel_requested_at = coalesce(e.cancel_requested_at, now())
FROM due WHERE e.id = due.id AND e.id = ANY(%(ids)s::uuid[])
  AND (e.status = 'pending' OR NOT %(only_pending)s)
RETURNING e.id, e.workspace_id, e.status, e.worker, e.send_no, NULL::timestamptz AS sent_at
"""


def cancel_many(
    tx: Connection,
    workspace_id: UUID,
    ids: Sequence[UUID],
    code: Reason,
    text: str | None,
    *,
    only_pending: bool = False,
) -> list[Row[Any]]:
    """Cancel those of `ids` that have not ended: at once without an owner, else by a flag for their worker.

    With `only_pending` those that have begun meanwhile go on.
    Gives `id, workspace_id, status, worker, send_no, sent_at` of each that it touched. Those with `sent_at`
    are parents that it woke, whose tickets are to be sent. Never commits.
    """
    given = {
        "workspace": str(workspace_id),
        "ids": [str(i) for i in ids],
        "code": code.value,
        "text": text,
        "only_pending": only_pending,
    }
    rows = list(tx.exec_driver_sql(CANCEL, given))
    woken: list[Row[Any]] = []
    if settled := [row.id for row in rows if row.status == Status.CANCELLED]:
        steps.cancel_of(tx, settled)
        woken = news.wake_parents(tx, settled)
    touched = {"ids": [str(row.id) for row in rows]}
    if below := [row.id for row in tx.exec_driver_sql(ACTIVE_CHILDREN, touched)] if rows else []:
        rows += cancel_many(
            tx, workspace_id, below, Reason.PARENT, "The execution that started it was cancelled"
        )
    return rows + woken


def cancel_children(
    tx: Connection, workspace_id: UUID, parent_id: UUID, places: Sequence[str]
) -> list[Row[Any]]:
    """Cancel the children at some places of a parent, for which nobody waits any more."""
    given = {"parent": str(parent_id), "places": list(places)}
    ids = [row.id for row in tx.exec_driver_sql(CHILDREN_AT, given)]
    text = "The step that started it was aborted"
    return cancel_many(tx, workspace_id, ids, Reason.PARENT, text) if ids else []


ACTIVE_CHILDREN = """
SELECT id FROM executions WHERE parent_id = ANY(%(ids)s::uuid[]) AND status IN ('pending', 'running')
  AND parent_step IS NOT NULL
"""

CHILDREN_AT = """
SELECT id FROM executions WHERE parent_id = %(parent)s AND parent_step = ANY(%(places)s)
  AND status IN ('pending', 'running')
"""


def status_of(
    tx: Connection, workspace_id: UUID, space_id: UUID | None, execution_id: UUID
) -> Row[Any] | None:
    """Give `status, cancel_requested_at` of an execution of a workspace, and of a space if one is named."""
    query = """
    SELECT e.status, e.cancel_requested_at FROM executions e
    LEFT JOIN spaces s ON s.id = e.space_id AND s.deleted_at IS NULL
    WHERE e.id = %(id)s AND e.workspace_id = %(workspace)s
      AND (%(space)s::uuid IS NULL OR s.id = %(space)s::uuid)
    """
    given = {"id": str(execution_id), "workspace": str(workspace_id), "space": _text(space_id)}
    return tx.exec_driver_sql(query, given).one_or_none()

"""What the clock asks and writes when schedules fire: due rows, fires, and executions that overlap."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app.clock import new_id
from app.store import quotas

# Only `schedules` is locked: whoever adds to a space holds a key-share lock on its row in `spaces`.
DUE = """
SELECT s.id, s.space_id, p.workspace_id, s.workflow_id, s.cron, s.timezone, s.overlap, s.catch_up,
  s.next_fire_at, octet_length(s.input::text) AS input_size, now() AS database_now
FROM schedules s JOIN spaces p ON p.id = s.space_id
WHERE s.enabled AND s.next_fire_at <= now() AND s.deleted_at IS NULL
  AND (%(ids)s::uuid[] IS NULL OR s.id = ANY(%(ids)s::uuid[]))
ORDER BY s.next_fire_at LIMIT %(limit)s FOR UPDATE OF s SKIP LOCKED
"""
NEXT = """
SELECT extract(epoch FROM min(next_fire_at) - clock_timestamp())::float8 FROM schedules
WHERE enabled AND next_fire_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Fire:
    """What became of an instant, or of `count` of them from `scheduled_for` to `until`."""

    schedule_id: UUID
    scheduled_for: datetime
    outcome: str
    reason: str | None = None
    execution_id: UUID | None = None
    until: datetime | None = None
    count: int = 1


def lock_due(tx: Connection, limit: int, ids: Sequence[UUID] | None = None) -> Sequence[Row[Any]]:
    """Lock schedules that are due, of `ids` if given, and that no other clock holds; longest due first."""
    wanted = None if ids is None else [str(i) for i in ids]
    return tx.exec_driver_sql(DUE, {"limit": limit, "ids": wanted}).all()


def seconds_to_next(tx: Connection) -> float | None:
    """Tell in how many seconds the next schedule is due; None when none is enabled."""
    found: float | None = tx.exec_driver_sql(NEXT).scalar_one()
    return found


def inputs(tx: Connection, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Give the inputs of schedules as JSON text."""
    query = "SELECT id, input::text AS input FROM schedules WHERE id = ANY(%(ids)s::uuid[])"
    return {row.id: row.input for row in tx.exec_driver_sql(query, {"ids": [str(i) for i in ids]})}


RECORDED = """
SELECT f.schedule_id, f.scheduled_for FROM schedule_fires f
JOIN unnest(%(ids)s::uuid[], %(at)s::timestamptz[]) u(id, at)
  ON f.schedule_id = u.id AND f.scheduled_for = u.at
"""


def recorded(tx: Connection, instants: Iterable[tuple[UUID, datetime]]) -> set[tuple[UUID, datetime]]:
    """Give those instants of schedules that have a row already."""
    pairs = list(instants)
    given = {"ids": [str(i) for i, _ in pairs], "at": [at for _, at in pairs]}
    return {(row.schedule_id, row.scheduled_for) for row in tx.exec_driver_sql(RECORDED, given)}


RECORD = """
INSERT INTO schedule_fires
  (id, schedule_id, scheduled_for, until, count, fired_at, outcome, reason, execution_id)
SELECT u.id, u.schedule_id, u.scheduled_for, u.until, u.count, CASE WHEN u.outcome = 'fired' THEN now() END,
  u.outcome, u.reason, u.execution_id
FROM unnest(%(id)s::uuid[], %(schedule_id)s::uuid[], %(scheduled_for)s::timestamptz[],
  %(until)s::timestamptz[], %(count)s::int[], %(outcome)s::text[], %(reason)s::text[],
  %(execution_id)s::uuid[])
  u(id, schedule_id, scheduled_for, until, count, outcome, reason, execution_id)
"""


def record(tx: Connection, fires: Sequence[Fire]) -> None:
    """Write what became of instants; a second row for one of them is refused by the database."""
    columns: dict[str, list[Any]] = {
        "id": [str(new_id()) for _ in fires],
        "schedule_id": [str(fire.schedule_id) for fire in fires],
        "execution_id": [fire.execution_id and str(fire.execution_id) for fire in fires],
    }
    for name in ("scheduled_for", "until", "count", "outcome", "reason"):
        columns[name] = [getattr(fire, name) for fire in fires]
    tx.exec_driver_sql(RECORD, columns)


ADVANCE = """
UPDATE schedules s SET next_fire_at = u.next,
  last_fired_at = CASE WHEN u.fired THEN now() ELSE s.last_fired_at END
FROM unnest(%(ids)s::uuid[], %(next)s::timestamptz[], %(fired)s::boolean[]) u(id, next, fired)
WHERE s.id = u.id
"""


def advance(tx: Connection, schedules: Sequence[tuple[UUID, datetime | None, bool]]) -> None:
    """Set when schedules are due next, and of those that fired now, that they did."""
    given = {
        "ids": [str(i) for i, _, _ in schedules],
        "next": [due for _, due, _ in schedules],
        "fired": [fired for _, _, fired in schedules],
    }
    tx.exec_driver_sql(ADVANCE, given)


ACTIVE = """
SELECT e.id, e.schedule_id, e.workspace_id, e.reason FROM executions e
WHERE e.schedule_id = ANY(%(ids)s::uuid[]) AND e.status IN ('pending', 'running') ORDER BY e.id
"""


def active(tx: Connection, schedule_ids: Sequence[UUID], *, to_cancel: bool = False) -> Sequence[Row[Any]]:
    """Give `id, schedule_id, workspace_id, reason` of the executions of schedules that have not ended.

    Those that will be cancelled are locked in id order, as everybody locks several executions.
    """
    query = ACTIVE + ("FOR NO KEY UPDATE" if to_cancel else "")
    return tx.exec_driver_sql(query, {"ids": [str(i) for i in schedule_ids]}).all()


BUFFER = """
UPDATE executions SET reason = 'overlap', sent_at = NULL, send_no = 0
WHERE id = ANY(%(ids)s::uuid[]) AND status = 'pending'
"""
RELEASE = """
WITH free AS (
  SELECT e.id FROM executions e
  WHERE e.status = 'pending' AND e.reason = 'overlap' AND NOT EXISTS (
    SELECT FROM executions o WHERE o.schedule_id = e.schedule_id AND o.schedule_id IS NOT NULL
      AND o.status IN ('pending', 'running') AND o.reason IS DISTINCT FROM 'overlap'
      AND o.created_at <= e.created_at)
  ORDER BY e.id LIMIT %(limit)s FOR NO KEY UPDATE OF e SKIP LOCKED
)
UPDATE executions e SET reason = 'concurrency' FROM free WHERE e.id = free.id AND e.status = 'pending'
RETURNING e.workspace_id
"""


def buffer(tx: Connection, execution_ids: Sequence[UUID]) -> None:
    """Hold executions that were just made until the one before them has ended."""
    tx.exec_driver_sql(BUFFER, {"ids": [str(i) for i in execution_ids]})


def release_buffered(tx: Connection, limit: int) -> Sequence[Row[Any]]:
    """Line up executions when those made before them have ended, and queue what has places.

    Gives what their tickets need.
    """
    lined_up = {row.workspace_id for row in tx.exec_driver_sql(RELEASE, {"limit": limit})}
    return quotas.release(tx, sorted(lined_up), limit) if lined_up else []

"""Bulk operations as they are kept: what was asked for, and how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, Row

from app.clock import rfc3339
from app.states import Status, TriggeredBy
from app.store import arrays
from app.store.execution_filters import Filters, Place
from app.store.selections import Chunk


@dataclass(frozen=True, slots=True)
class NewOperation:
    """A bulk operation to be: on the `ids` that `filters` let through, or where they are too many on all."""

    id: UUID
    place: Place
    kind: str
    matched: int
    ids: Sequence[UUID] | None
    filters: Filters
    created_at: datetime


CREATE = """
INSERT INTO bulk_operations (id, workspace_id, space_id, kind, matched, ids, filters, created_at)
VALUES (%(id)s, %(workspace)s, %(space)s, %(kind)s, %(matched)s, %(ids)s::uuid[], %(filters)s::jsonb, %(at)s)
"""
_SHOWN = """
id, kind, (SELECT p.id FROM spaces p WHERE p.id = space_id AND p.deleted_at IS NULL) AS space_id,
status, matched, ids IS NULL AS at_least, done, skipped, created_at, completed_at
"""
ONE = f"""
SELECT {_SHOWN} FROM bulk_operations WHERE id = %(id)s AND workspace_id = %(workspace)s
  AND (%(space)s::uuid IS NULL OR space_id = %(space)s::uuid)
"""  # noqa: S608 -- the names are a constant of this module
RUNNING_HERE = f"""
SELECT {_SHOWN} FROM bulk_operations WHERE status = 'running' AND workspace_id = %(workspace)s
  AND (%(space)s::uuid IS NULL OR space_id = %(space)s::uuid)
ORDER BY created_at LIMIT %(limit)s
"""  # noqa: S608 -- the names are a constant of this module
_STATE = "id, workspace_id, space_id, kind, ids IS NOT NULL AS listed, filters, after_id, created_at"
RUNNING = f"""
SELECT {_STATE} FROM bulk_operations WHERE status = 'running' ORDER BY updated_at LIMIT %(limit)s
"""  # noqa: S608 -- the names are a constant of this module
STATE = f"SELECT {_STATE} FROM bulk_operations WHERE id = %(id)s AND status = 'running'"  # noqa: S608
IDS = """
SELECT u.id FROM bulk_operations b, unnest(b.ids) u(id)
WHERE b.id = %(id)s AND (%(after)s::uuid IS NULL OR u.id > %(after)s::uuid) ORDER BY u.id LIMIT %(limit)s
"""
HOLD = """
SELECT 1 FROM bulk_operations
WHERE id = %(id)s AND status = 'running' AND after_id IS NOT DISTINCT FROM %(after)s::uuid
FOR UPDATE SKIP LOCKED
"""
ADVANCE = """
UPDATE bulk_operations SET done = done + %(done)s, skipped = skipped + %(skipped)s, updated_at = now(),
  after_id = coalesce(%(edge)s::uuid, after_id),
  status = CASE WHEN %(edge)s::uuid IS NULL THEN 'completed' ELSE status END,
  completed_at = CASE WHEN %(edge)s::uuid IS NULL THEN now() END
WHERE id = %(id)s
"""
TOUCH = "UPDATE bulk_operations SET updated_at = now() WHERE id = %(id)s"
FORGET = """
DELETE FROM bulk_operations WHERE id = ANY(ARRAY(
  SELECT b.id FROM workspaces w JOIN bulk_operations b ON b.workspace_id = w.id
    AND b.completed_at < now() - make_interval(days => least(w.retention_days, 36500))
  LIMIT %(limit)s FOR UPDATE OF b SKIP LOCKED))
"""


def create(tx: Connection, new: NewOperation) -> None:
    """Keep a bulk operation; its executions were created before `created_at`."""
    given = {
        "id": str(new.id),
        "workspace": str(new.place.workspace_id),
        "space": _text(new.place.space_id),
        "kind": new.kind,
        "matched": new.matched,
        "ids": None if new.ids is None else arrays.ids(new.ids),
        "filters": orjson.dumps(written(new.filters)).decode(),
        "at": new.created_at,
    }
    tx.exec_driver_sql(CREATE, given)


def one(tx: Connection, place: Place, operation_id: UUID) -> Row[Any] | None:
    """Read an operation of a workspace, and of a space if one is named; `at_least`: `matched` is no more."""
    given = {"id": str(operation_id), "workspace": str(place.workspace_id), "space": _text(place.space_id)}
    return tx.exec_driver_sql(ONE, given).one_or_none()


def running_here(tx: Connection, place: Place, limit: int) -> Sequence[Row[Any]]:
    """Read those of a workspace, and of a space if one is named, that are not completed, oldest first."""
    given = {"workspace": str(place.workspace_id), "space": _text(place.space_id), "limit": limit}
    return tx.exec_driver_sql(RUNNING_HERE, given).all()


def running(tx: Connection, limit: int) -> Sequence[Row[Any]]:
    """Give those that are not completed and how far they are, the one longest left alone first."""
    return tx.exec_driver_sql(RUNNING, {"limit": limit}).all()


def count_running(tx: Connection) -> int:
    """Count those that are not completed."""
    query = "SELECT count(*) FROM bulk_operations WHERE status = 'running'"
    found: int = tx.exec_driver_sql(query).scalar_one()
    return found


def state(tx: Connection, operation_id: UUID) -> Row[Any] | None:
    """Tell how far an operation is; None once it is completed."""
    return tx.exec_driver_sql(STATE, {"id": str(operation_id)}).one_or_none()


def next_ids(tx: Connection, operation_id: UUID, after: UUID | None, limit: int) -> Chunk:
    """Give the next of the ids that an operation keeps."""
    given = {"id": str(operation_id), "after": _text(after), "limit": limit + 1}
    ids = list(tx.exec_driver_sql(IDS, given).scalars())
    return Chunk(ids[:limit], ids[limit - 1] if len(ids) > limit else None)


def hold(tx: Connection, operation_id: UUID, after: UUID | None) -> bool:
    """Lock an operation that is as far as `after`; False when somebody else has it or was faster."""
    given = {"id": str(operation_id), "after": _text(after)}
    return tx.exec_driver_sql(HOLD, given).one_or_none() is not None


def advance(tx: Connection, operation_id: UUID, edge: UUID | None, done: int, skipped: int) -> None:
    """Write what was done up to `edge`, None when that was all; in the transaction that did it."""
    given = {"id": str(operation_id), "edge": _text(edge), "done": done, "skipped": skipped}
    tx.exec_driver_sql(ADVANCE, given)


def touch(tx: Connection, operation_id: UUID) -> None:
    """Put an operation behind all others."""
    tx.exec_driver_sql(TOUCH, {"id": str(operation_id)})


def forget_old(tx: Connection, limit: int) -> int:
    """Delete operations that were completed before their workspace's retention; give how many."""
    return tx.exec_driver_sql(FORGET, {"limit": limit}).rowcount


def filters_of(written: dict[str, Any]) -> Filters:
    """Read filters as `create` wrote them."""
    values = dict(written)
    values["statuses"] = frozenset(map(Status, values["statuses"]))
    for name, read in READERS.items():
        values[name] = None if values[name] is None else read(values[name])
    return Filters(**values)


READERS: dict[str, Any] = {
    "workflow_id": UUID,
    "triggered_by": TriggeredBy,
    "schedule_id": UUID,
    "webhook_id": UUID,
    "retry_of": UUID,
    "created_after": datetime.fromisoformat,
    "created_before": datetime.fromisoformat,
}


def written(filters: Filters) -> dict[str, Any]:
    """Write filters as they are kept."""
    ids = ("workflow_id", "schedule_id", "webhook_id", "retry_of")
    return {
        "statuses": sorted(filters.statuses),
        "triggered_by": filters.triggered_by,
        "created_after": rfc3339(filters.created_after),
        "created_before": rfc3339(filters.created_before),
        "tag": filters.tag,
        "q": filters.q,
        **{name: _text(getattr(filters, name)) for name in ids},
    }


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)

"""Questions and changes about schedules; a deleted one does not exist for any of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    and_,
    cast,
    delete,
    func,
    insert,
    select,
    update,
)

from app.models import Execution, Schedule, ScheduleFire, Space, Workflow
from app.states import FINAL

S, F, E, W, SPACES = (
    table.__table__ for table in (Schedule, ScheduleFire, Execution, Workflow, Space)
)  # fmt: skip
SHOWN = (
    S.c.id,
    SPACES.c.workspace_id,
    S.c.space_id,
    S.c.workflow_id,
    S.c.name,
    S.c.cron,
    S.c.timezone,
    cast(S.c.input, Text).label("input"),
    S.c.enabled,
    S.c.overlap,
    S.c.catch_up,
    S.c.next_fire_at,
    S.c.last_fired_at,
    S.c.created_at,
)
FIRES_SHOWN: tuple[Any, ...] = (
    F.c.scheduled_for,
    F.c.until,
    F.c.count,
    F.c.fired_at,
    F.c.outcome,
    F.c.reason,
    F.c.execution_id,
)


@dataclass(frozen=True, slots=True)
class Key:
    """Where a schedule is; every question names all three."""

    workspace_id: UUID
    space_id: UUID
    id: UUID


def database_now(tx: Connection) -> datetime:
    """Give the database's time."""
    found: datetime = tx.execute(select(func.clock_timestamp())).scalar_one()
    return found


def hold_workflow(tx: Connection, workspace_id: UUID, space_id: UUID, workflow_id: UUID) -> bool:
    """Keep a workflow and its space from being deleted before this transaction ends; False if one is gone."""
    query = select(1).join(SPACES, SPACES.c.id == W.c.space_id)
    query = query.where(W.c.id == workflow_id, W.c.workspace_id == workspace_id, W.c.space_id == space_id)
    query = query.where(W.c.deleted_at.is_(None), SPACES.c.deleted_at.is_(None))
    return tx.execute(query.with_for_update(read=True)).first() is not None


def create(tx: Connection, key: Key, values: dict[str, Any]) -> None:
    """Add a schedule; `input` is JSON."""
    tx.execute(insert(S).values(id=key.id, space_id=key.space_id, **values))


def get(tx: Connection, key: Key) -> Row[Any] | None:
    """Read one schedule; its input is JSON text."""
    return tx.execute(_shown().where(_is(key))).one_or_none()


def lock(tx: Connection, key: Key) -> Row[Any] | None:
    """Read one schedule, and let nobody fire or change it before this transaction ends."""
    return tx.execute(_shown().where(_is(key)).with_for_update(of=S)).one_or_none()


def change(tx: Connection, key: Key, values: dict[str, Any]) -> None:
    """Change columns of one schedule."""
    tx.execute(update(S).where(S.c.id == key.id, S.c.space_id == key.space_id).values(**values))


def page(
    tx: Connection, workspace_id: UUID, space_id: UUID, before: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """List the schedules of a space, newest first."""
    query = _shown().where(S.c.space_id == space_id, SPACES.c.workspace_id == workspace_id)
    query = query.where(S.c.deleted_at.is_(None)).order_by(S.c.id.desc()).limit(limit)
    return tx.execute(query if before is None else query.where(S.c.id < before)).all()


def fires(tx: Connection, key: Key, before: datetime | None, limit: int) -> Sequence[Row[Any]]:
    """List what became of a schedule's instants, the latest first."""
    query = select(*FIRES_SHOWN).join(S, S.c.id == F.c.schedule_id).join(SPACES, SPACES.c.id == S.c.space_id)
    query = query.where(_is(key)).order_by(F.c.scheduled_for.desc()).limit(limit)
    return tx.execute(query if before is None else query.where(F.c.scheduled_for < before)).all()


def mark_deleted(tx: Connection, key: Key) -> None:
    """Make a schedule unknown from now on; it never fires again."""
    change(tx, key, {"deleted_at": func.now(), "enabled": False, "next_fire_at": None})


def deleted(tx: Connection, limit: int) -> Sequence[UUID]:
    """Name schedules that are deleted and still have their row; the longest deleted first."""
    query = select(S.c.id).where(S.c.deleted_at.is_not(None)).order_by(S.c.deleted_at).limit(limit)
    return tx.execute(query).scalars().all()


FORGET_FIRES = """
DELETE FROM schedule_fires WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM schedule_fires WHERE schedule_id = %(id)s LIMIT %(limit)s))
"""


def purge(tx: Connection, schedule_id: UUID, limit: int) -> int:
    """Take away a batch of what a deleted schedule left, at last the row; give the number of rows.

    Only finished executions lose its id; the row stays until the others have ended.
    """
    ended = select(E.c.id).where(E.c.schedule_id == schedule_id, E.c.status.in_(sorted(FINAL)))
    ended = ended.limit(limit).with_for_update(key_share=True, skip_locked=True)
    done = tx.execute(update(E).where(E.c.id.in_(ended)).values(schedule_id=None)).rowcount
    done += tx.exec_driver_sql(FORGET_FIRES, {"id": str(schedule_id), "limit": limit}).rowcount
    if done:
        return done
    free = ~select(1).where(E.c.schedule_id == schedule_id).exists()
    return tx.execute(delete(S).where(S.c.id == schedule_id, S.c.deleted_at.is_not(None), free)).rowcount


def _shown() -> Select[Any]:
    return select(*SHOWN).join(SPACES, SPACES.c.id == S.c.space_id)


def _is(key: Key) -> ColumnElement[bool]:
    return and_(
        S.c.id == key.id,
        S.c.space_id == key.space_id,
        SPACES.c.workspace_id == key.workspace_id,
        S.c.deleted_at.is_(None),
    )

"""What deleted spaces and workflows leave behind, taken away batch by batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    func,
    literal,
    select,
    union_all,
    update,
)

from app.models import Execution, Schedule, ScheduleFire, Space, Webhook, WebhookDelivery, Workflow
from app.states import FINAL, Status

E, S, W = Execution.__table__, Space.__table__, Workflow.__table__
SCHEDULES, WEBHOOKS = Schedule.__table__, Webhook.__table__
FIRES, DELIVERIES = ScheduleFire.__table__, WebhookDelivery.__table__
# No request that saw a space or workflow alive can still be adding to it after this long.
GRACE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Deleted:
    """One deleted space or workflow, named by the column that points to it."""

    column: Literal["space_id", "workflow_id"]
    id: UUID
    workspace_id: UUID

    @property
    def is_space(self) -> bool:
        """Tell a space from a workflow."""
        return self.column == "space_id"


def silence(tx: Connection, gone: Deleted) -> None:
    """Switch off the schedules and webhooks of what was just deleted; they are removed batch by batch."""
    off = {"enabled": False}
    tx.execute(update(SCHEDULES).where(_owns(gone, SCHEDULES)).values(next_fire_at=None, **off))
    tx.execute(update(WEBHOOKS).where(_owns(gone, WEBHOOKS)).values(**off))


def waiting(tx: Connection, limit: int) -> list[Deleted]:
    """List what is deleted and still has its row: workflows of living spaces, and spaces; longest first."""
    spaces = select(literal("space_id").label("kind"), S.c.id, S.c.workspace_id, S.c.deleted_at)
    workflows = select(literal("workflow_id"), W.c.id, W.c.workspace_id, W.c.deleted_at)
    in_living = and_(S.c.id == W.c.space_id, S.c.deleted_at.is_(None))
    both = union_all(
        spaces.where(S.c.deleted_at.is_not(None)),
        workflows.join(S, in_living).where(W.c.deleted_at.is_not(None)),
    ).subquery()
    rows = tx.execute(select(both).order_by(both.c.deleted_at).limit(limit))
    return [Deleted(row.kind, row.id, row.workspace_id) for row in rows]


def active(tx: Connection, gone: Deleted, limit: int) -> Sequence[UUID]:
    """Name executions that have not ended and were not told to."""
    named = select(E.c.id).where(_names(gone))
    unwarned = and_(E.c.status == Status.RUNNING, E.c.cancel_requested_at.is_(None))
    query = union_all(named.where(E.c.status == Status.PENDING), named.where(unwarned)).limit(limit)
    return tx.execute(query).scalars().all()


def release_finished(tx: Connection, gone: Deleted, limit: int) -> int:
    """Take the deleted id off finished executions; give how many."""
    lost = ("space_id", "workflow_id") if gone.is_space else ("workflow_id",)
    return _release(tx, gone, _names(gone), lost, limit)


def release_triggers(tx: Connection, gone: Deleted, limit: int) -> int:
    """Take the ids of its schedules and webhooks off finished executions; give how many."""
    fired = E.c.schedule_id.in_(select(SCHEDULES.c.id).where(_owns(gone, SCHEDULES)))
    called = E.c.webhook_id.in_(select(WEBHOOKS.c.id).where(_owns(gone, WEBHOOKS)))
    done = _release(tx, gone, fired, ("schedule_id",), limit)
    return done + _release(tx, gone, called, ("webhook_id",), limit)


def remove_records(tx: Connection, gone: Deleted, limit: int) -> int:
    """Delete fires and deliveries of its schedules and webhooks; give how many."""
    done = _remove_records(tx, FIRES, FIRES.c.schedule_id, SCHEDULES, gone, limit)
    return done + _remove_records(tx, DELIVERIES, DELIVERIES.c.webhook_id, WEBHOOKS, gone, limit)


def remove_triggers(tx: Connection, gone: Deleted) -> int:
    """Delete its schedules and webhooks, whose records are gone; give how many."""
    return sum(
        tx.execute(delete(table).where(_owns(gone, table))).rowcount for table in (SCHEDULES, WEBHOOKS)
    )


def remove(tx: Connection, gone: Deleted) -> int:
    """Delete the row itself once no execution names it and its grace is over; give 1 then, else 0."""
    table = S if gone.is_space else W
    is_it = and_(table.c.id == gone.id, table.c.workspace_id == gone.workspace_id)
    is_free = ~select(1).where(E.c[gone.column] == table.c.id).exists()
    return tx.execute(delete(table).where(is_it, table.c.deleted_at < func.now() - GRACE, is_free)).rowcount


def _names(gone: Deleted) -> ColumnElement[bool]:
    return and_(E.c.workspace_id == gone.workspace_id, E.c[gone.column] == gone.id)


def _owns(gone: Deleted, table: Table) -> ColumnElement[bool]:
    """Tell the schedules or webhooks of what is gone; they have their workspace by their space."""
    spaces = select(S.c.id).where(S.c.workspace_id == gone.workspace_id)
    return and_(table.c[gone.column] == gone.id, table.c.space_id.in_(spaces))


def _release(
    tx: Connection, gone: Deleted, which: ColumnElement[bool], lost: tuple[str, ...], limit: int
) -> int:
    ended = and_(E.c.workspace_id == gone.workspace_id, E.c.status.in_(sorted(FINAL)))
    some = select(E.c.id).where(which, ended).order_by(E.c.id).limit(limit)
    # A CTE is read once. A subquery may be read again for each row, and then skips other rows each time.
    batch = some.with_for_update(key_share=True, skip_locked=True).cte("batch")
    which_ones = E.c.id.in_(select(batch.c.id))
    return tx.execute(update(E).where(which_ones).values(dict.fromkeys(lost))).rowcount


def _remove_records(
    tx: Connection, records: Table, owner: Column[Any], owners: Table, gone: Deleted, limit: int
) -> int:
    some = select(records.c.id).join(owners, owners.c.id == owner).where(_owns(gone, owners)).limit(limit)
    return tx.execute(delete(records).where(records.c.id.in_(some))).rowcount

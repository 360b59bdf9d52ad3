"""Questions and changes about webhooks; one that is deleted does not exist for any of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, insert, select, update

from app.models import Space, Webhook, Workflow

H, S, W = Webhook.__table__, Space.__table__, Workflow.__table__
SHOWN = (
    H.c.id,
    S.c.workspace_id,
    H.c.space_id,
    H.c.workflow_id,
    H.c.name,
    H.c.enabled,
    H.c.verification,
    H.c.respond,
    H.c.created_at,
)


@dataclass(frozen=True, slots=True)
class Key:
    """Where a webhook is; every question of the management names all three."""

    workspace_id: UUID
    space_id: UUID
    id: UUID


def has_workflow(tx: Connection, workspace_id: UUID, space_id: UUID, workflow_id: UUID) -> bool:
    """Tell whether a space has a workflow for a webhook to start."""
    is_it = and_(W.c.id == workflow_id, W.c.space_id == space_id, W.c.workspace_id == workspace_id)
    return tx.execute(select(1).where(is_it, W.c.deleted_at.is_(None))).first() is not None


def create(tx: Connection, key: Key, values: dict[str, Any]) -> None:
    """Add a webhook to a space of the workspace."""
    tx.execute(insert(H).values(id=key.id, space_id=key.space_id, **values))


def get(tx: Connection, key: Key) -> Row[Any] | None:
    """Read one webhook, without its secrets."""
    return tx.execute(_shown(key.workspace_id, key.space_id).where(H.c.id == key.id)).one_or_none()


def lock(tx: Connection, key: Key) -> Row[Any] | None:
    """Read one webhook, and let nobody else change it before this transaction ends."""
    query = _shown(key.workspace_id, key.space_id).where(H.c.id == key.id)
    return tx.execute(query.with_for_update(of=H, key_share=True)).one_or_none()


def page(
    tx: Connection, workspace_id: UUID, space_id: UUID, before: tuple[Any, UUID] | None, limit: int
) -> Sequence[Row[Any]]:
    """List webhooks, newest first; their ids are random, so that the time of creation orders them."""
    query = _shown(workspace_id, space_id).order_by(H.c.created_at.desc(), H.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(func.row(H.c.created_at, H.c.id) < func.row(*before))
    return tx.execute(query).all()


def change(tx: Connection, key: Key, values: dict[str, Any]) -> None:
    """Change columns of a webhook."""
    tx.execute(update(H).where(_is(key)).values(**values))


def rotate(tx: Connection, key: Key, secret: bytes, keep_seconds: int) -> None:
    """Set a new secret; the one before stays good for some seconds."""
    kept = {
        "old_secret": H.c.secret if keep_seconds else None,
        "old_secret_until": func.now() + func.make_interval(0, 0, 0, 0, 0, 0, keep_seconds),
    }
    tx.execute(update(H).where(_is(key)).values(secret=secret, **kept))


def mark_deleted(tx: Connection, key: Key) -> bool:
    """Make a webhook unknown from now on; False when it was already."""
    change = update(H).where(_is(key), H.c.deleted_at.is_(None))
    return tx.execute(change.values(deleted_at=func.now(), enabled=False)).rowcount == 1


def target(tx: Connection, webhook_id: UUID) -> Row[Any] | None:
    """Read what a call to a webhook needs; the workspace comes by its space."""
    live_old = case((H.c.old_secret_until > func.now(), H.c.old_secret)).label("old_secret")
    columns = (H.c.secret, live_old)
    return tx.execute(_live().add_columns(*columns).where(H.c.id == webhook_id)).one_or_none()


def _live() -> Select[Any]:
    in_space = and_(S.c.id == H.c.space_id, S.c.deleted_at.is_(None))
    of_workflow = and_(W.c.id == H.c.workflow_id, W.c.deleted_at.is_(None))
    return select(*SHOWN).join(S, in_space).join(W, of_workflow).where(H.c.deleted_at.is_(None))


def _shown(workspace_id: UUID, space_id: UUID) -> Select[Any]:
    return _live().where(S.c.workspace_id == workspace_id, H.c.space_id == space_id)


def _is(key: Key) -> ColumnElement[bool]:
    mine = select(S.c.id).where(S.c.workspace_id == key.workspace_id, S.c.id == key.space_id)
    return and_(H.c.id == key.id, H.c.space_id.in_(mine))

"""Questions and changes about workspaces and their quotas."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Row, insert, select, update

from app.models import Workspace

W = Workspace.__table__
QUOTAS: tuple[Column[Any], ...] = (
    W.c.max_concurrent_executions,
    W.c.max_pending_executions,
    W.c.executions_per_day,
    W.c.max_execution_seconds,
    W.c.retention_days,
)


def create(tx: Connection, workspace_id: UUID, name: str) -> None:
    """Add a workspace with the default quotas."""
    tx.execute(insert(W).values(id=workspace_id, name=name))


def every(tx: Connection) -> Sequence[Row[Any]]:
    """List the workspaces of the installation, oldest first."""
    return tx.execute(select(W.c.id, W.c.name, W.c.created_at).order_by(W.c.id)).all()


def name_of(tx: Connection, workspace_id: UUID) -> str | None:
    """Give the name of a workspace, None when there is no such one."""
    return tx.execute(select(W.c.name).where(W.c.id == workspace_id)).scalar_one_or_none()


def quotas(tx: Connection, workspace_id: UUID) -> Row[Any]:
    """Read the quotas of a workspace."""
    return tx.execute(select(*QUOTAS).where(W.c.id == workspace_id)).one()


def change_quotas(tx: Connection, workspace_id: UUID, values: dict[str, int | None]) -> Row[Any]:
    """Change some quotas."""
    tx.execute(update(W).where(W.c.id == workspace_id).values(**values))
    return quotas(tx, workspace_id)

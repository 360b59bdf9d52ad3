"""Finds workspaces, spaces and workflows by an id or a name, as people write them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, FromClause, Row, select

from app.models import Execution, Space, Workflow, Workspace

MOST = 5
WORKSPACES, SPACES, WORKFLOWS = Workspace.__table__, Space.__table__, Workflow.__table__
EXECUTIONS = Execution.__table__


def workspaces(tx: Connection, text: str | None) -> Sequence[Row[Any]]:
    """Give `id, name` of the workspaces that `text` means, by default of any; oldest first, at most MOST."""
    return _found(tx, WORKSPACES, text)


def workspace_of(tx: Connection, execution_id: UUID) -> UUID | None:
    """Give the workspace of an execution: for the operator, who may see all of them."""
    return tx.execute(select(EXECUTIONS.c.workspace_id).where(EXECUTIONS.c.id == execution_id)).scalar()


def spaces(tx: Connection, workspace_id: UUID, text: str) -> Sequence[Row[Any]]:
    """Give `id, name` of the spaces of a workspace that `text` means."""
    alive = (SPACES.c.workspace_id == workspace_id, SPACES.c.deleted_at.is_(None))
    return _found(tx, SPACES, text, *alive)


def workflows(tx: Connection, workspace_id: UUID, space_id: UUID | None, text: str) -> Sequence[Row[Any]]:
    """Give `id, name` of the workflows of a workspace, or of one space, that `text` means."""
    live_spaces = select(SPACES.c.id).where(
        SPACES.c.workspace_id == workspace_id, SPACES.c.deleted_at.is_(None)
    )
    if space_id is not None:
        live_spaces = live_spaces.where(SPACES.c.id == space_id)
    mine = (WORKFLOWS.c.workspace_id == workspace_id, WORKFLOWS.c.space_id.in_(live_spaces))
    return _found(tx, WORKFLOWS, text, *mine, WORKFLOWS.c.deleted_at.is_(None))


def _found(
    tx: Connection, table: FromClause, text: str | None, *conditions: ColumnElement[bool]
) -> Sequence[Row[Any]]:
    wanted = conditions if text is None else (*conditions, _means(table, text))
    columns: tuple[Any, ...] = (table.c.id, table.c.name)
    return tx.execute(select(*columns).where(*wanted).order_by(table.c.id).limit(MOST)).all()


def _means(table: FromClause, text: str) -> ColumnElement[bool]:
    try:
        return table.c.id == UUID(text)
    except ValueError:
        return table.c.name == text

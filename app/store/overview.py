"""What lists show beside their rows: names of workflows, and the execution that each had last."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app.store import arrays

NAMES = """
SELECT id, name FROM workflows
WHERE workspace_id = %(workspace)s AND space_id = %(space)s AND deleted_at IS NULL
ORDER BY id DESC LIMIT %(most)s
"""
NAMES_OF = """
SELECT id, name FROM workflows
WHERE workspace_id = %(workspace)s AND id = ANY(%(ids)s::uuid[]) AND deleted_at IS NULL
"""
# Ordered by both columns of an index, so that the planner walks that one whatever it believes.
LATEST = """
SELECT latest.* FROM unnest(%(ids)s::uuid[]) AS asked (id)
CROSS JOIN LATERAL (
    SELECT e.id, e.workflow_id, e.status::text AS status, e.created_at FROM executions e
    WHERE e.workflow_id = asked.id AND e.workspace_id = %(workspace)s
    ORDER BY e.workflow_id DESC, e.id DESC LIMIT 1
) AS latest
"""


def names(tx: Connection, workspace_id: UUID, space_id: UUID, most: int) -> Sequence[Row[Any]]:
    """Give `id, name` of the workflows of a space, newest first."""
    given = {"workspace": workspace_id, "space": space_id, "most": most}
    return tx.exec_driver_sql(NAMES, given).all()


def names_of(tx: Connection, workspace_id: UUID, ids: Collection[UUID]) -> Sequence[Row[Any]]:
    """Give `id, name` of those of some workflows that exist."""
    return tx.exec_driver_sql(NAMES_OF, {"workspace": workspace_id, "ids": arrays.ids(ids)}).all()


def latest(tx: Connection, workspace_id: UUID, ids: Collection[UUID]) -> Sequence[Row[Any]]:
    """Give `id, workflow_id, status, created_at` of the execution that each workflow had last."""
    return tx.exec_driver_sql(LATEST, {"workspace": workspace_id, "ids": arrays.ids(ids)}).all()

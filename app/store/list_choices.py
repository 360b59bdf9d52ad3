"""What a list of executions can be narrowed to, and how far the steps of its failed rows came."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

WORKFLOWS = """
SELECT w.id, w.name, w.enabled FROM workflows w JOIN spaces s ON s.id = w.space_id
WHERE s.id = %(space)s AND s.workspace_id = %(workspace)s AND s.deleted_at IS NULL AND w.deleted_at IS NULL
ORDER BY lower(w.name), w.id LIMIT %(limit)s
"""

STEPS = """
SELECT execution_id, count(*) FILTER (WHERE status = 'completed') AS completed,
  count(*) FILTER (WHERE status = 'failed') AS failed
FROM execution_steps WHERE execution_id = ANY(%(ids)s::uuid[]) AND workspace_id = %(workspace)s
GROUP BY execution_id
"""


def workflows(tx: Connection, workspace_id: UUID, space_id: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """Give `id, name, enabled` of the workflows of a space, by name."""
    given = {"workspace": str(workspace_id), "space": str(space_id) if space_id else None, "limit": limit}
    return tx.exec_driver_sql(WORKFLOWS, given).all()


def ended_steps(tx: Connection, workspace_id: UUID, execution_ids: Sequence[str]) -> Sequence[Row[Any]]:
    """Count the `completed` and `failed` steps of executions, by `execution_id`."""
    given = {"workspace": str(workspace_id), "ids": list(execution_ids)}
    return tx.exec_driver_sql(STEPS, given).all()

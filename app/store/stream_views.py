"""What live streams read: executions of several workspaces at once, which of them may have changed, steps."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, bindparam, func, select

from app.store.execution_filters import E
from app.store.execution_views import LIST_COLUMNS, LIVE

_LISTED = (
    select(*LIST_COLUMNS)
    .select_from(LIVE)
    .where(
        E.c.workspace_id == func.any(bindparam("workspaces")),
        E.c.id == func.any(bindparam("ids")),
    )
    .order_by(E.c.id)
)


def listed(tx: Connection, workspace_ids: Sequence[UUID], execution_ids: Sequence[UUID]) -> list[Row[Any]]:
    """Read executions of some workspaces in list form, oldest first; what is gone or foreign is left out."""
    given = {"workspaces": list(workspace_ids), "ids": list(execution_ids)}
    return list(tx.execute(_LISTED, given))


# `= ANY(ARRAY[…])` keeps the planner on the index by workspace: see execution_filters.
RECENT = """
SELECT w.id AS workspace_id, found.id
FROM unnest(%(workspaces)s::uuid[]) w(id) CROSS JOIN LATERAL (
  (SELECT e.id FROM executions e WHERE e.workspace_id = ANY(ARRAY[w.id]) AND e.status = 'pending'
    ORDER BY e.workspace_id DESC, e.id DESC LIMIT %(most)s)
  UNION
  (SELECT e.id FROM executions e WHERE e.workspace_id = ANY(ARRAY[w.id]) AND e.status = 'running'
    ORDER BY e.workspace_id DESC, e.id DESC LIMIT %(most)s)
  UNION
  (SELECT e.id FROM executions e WHERE e.workspace_id = ANY(ARRAY[w.id]) AND e.id > %(since)s::uuid
    ORDER BY e.workspace_id DESC, e.id DESC LIMIT %(most)s)
) found
"""


def recent(tx: Connection, workspace_ids: Sequence[UUID], since: UUID, most: int) -> list[Row[Any]]:
    """Name (`workspace_id, id`) what may have changed: of each workspace and of pending, running and later
    than `since` the newest `most`.
    """
    given = {"workspaces": [str(key) for key in workspace_ids], "since": str(since), "most": most}
    return list(tx.exec_driver_sql(RECENT, given))


STEP_STATES = """
SELECT s.execution_id, s.step_id, s.status::text AS status, s.attempt, s.started_at, s.completed_at,
  s.wake_at, s.items::text AS items
FROM execution_steps s
WHERE s.execution_id = ANY(%(ids)s::uuid[]) AND s.workspace_id = ANY(%(workspaces)s::uuid[])
"""


def step_states(
    tx: Connection, workspace_ids: Sequence[UUID], execution_ids: Sequence[UUID]
) -> list[Row[Any]]:
    """Read how far the steps of executions are that have begun, without what they took and gave."""
    given = {"workspaces": [str(key) for key in workspace_ids], "ids": [str(key) for key in execution_ids]}
    return list(tx.exec_driver_sql(STEP_STATES, given))


LIVE_SPACES = """
SELECT id FROM spaces
WHERE id = ANY(%(ids)s::uuid[]) AND workspace_id = ANY(%(workspaces)s::uuid[]) AND deleted_at IS NULL
"""


def live_spaces(tx: Connection, workspace_ids: Sequence[UUID], space_ids: Sequence[UUID]) -> set[UUID]:
    """Tell which of some spaces still are."""
    given = {"workspaces": [str(key) for key in workspace_ids], "ids": [str(key) for key in space_ids]}
    return set(tx.exec_driver_sql(LIVE_SPACES, given).scalars())

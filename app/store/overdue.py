"""Executions that are past their time while nobody owns them: no worker's clock runs for those."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app.store import arrays

# The time that an execution waits does not count, and `deadline_at` is kept when it begins to: so what waits
# is never overdue, and what has no deadline never waited. A worker that is there claims it within seconds and
# ends it better, with its `runOn` steps; what has such steps is left to one.
_OVERDUE = """
SELECT e.id, e.parent_id, l.seconds FROM executions e
JOIN workspaces w ON w.id = e.workspace_id
LEFT JOIN workflow_versions v ON v.workflow_id = e.workflow_id AND v.number = e.workflow_version
CROSS JOIN LATERAL (
  SELECT least((v.definition->>'timeoutSeconds')::float8, w.max_execution_seconds) AS seconds) l
WHERE e.status = 'running' AND e.worker IS NULL AND e.wake_at IS NULL AND e.waiting_since IS NULL
  AND e.cancel_requested_at IS NULL
  AND coalesce(e.deadline_at, e.started_at + l.seconds * interval '1 second') < now() - interval '10 seconds'
  AND jsonb_path_exists(v.definition, '$.steps[*] ? (@.runOn == "failure" || @.runOn == "always")')
    IS NOT TRUE
"""
FIND = f"{_OVERDUE} ORDER BY e.id LIMIT %(limit)s"
COUNT = f"SELECT count(*) FROM ({_OVERDUE} LIMIT %(limit)s) overdue"  # noqa: S608 -- a constant of this module
LOCK = "SELECT 1 FROM executions WHERE id = ANY(%(ids)s::uuid[]) ORDER BY id FOR NO KEY UPDATE"
END = f"""
UPDATE executions e SET status = 'failed', reason = 'timeout',
  error = format('The execution ran longer than its limit of %%s s', u.seconds),
  completed_at = greatest(clock_timestamp(), e.started_at)
FROM ({_OVERDUE} AND e.id = ANY(%(ids)s::uuid[])) u WHERE e.id = u.id
RETURNING e.id, e.workspace_id, e.status, e.reason, u.seconds
"""  # noqa: S608 -- a constant of this module

# A child whose step has completed was not waited for.
AWAITED = """
SELECT c.id, c.workspace_id FROM executions c
JOIN execution_steps s ON s.execution_id = c.parent_id AND s.step_id = split_part(c.parent_step, '[', 1)
WHERE c.parent_id = ANY(%(ids)s::uuid[]) AND c.status IN ('pending', 'running') AND s.status <> 'completed'
"""


def end(tx: Connection, limit: int) -> list[Row[Any]]:
    """End executions past their time as timed out; gives `id, workspace_id, status, reason, seconds`.

    They and their parents are locked first, in id order, so that no parent begins to wait unseen.
    """
    found = tx.exec_driver_sql(FIND, {"limit": limit}).all()
    if not found:
        return []
    parents = [row.parent_id for row in found if row.parent_id is not None]
    ids = [row.id for row in found]
    tx.exec_driver_sql(LOCK, {"ids": arrays.ids([*ids, *parents])})
    return list(tx.exec_driver_sql(END, {"ids": arrays.ids(ids)}))


def count(tx: Connection, limit: int) -> int:
    """Count executions past their time that nobody owns, up to `limit`."""
    found: int = tx.exec_driver_sql(COUNT, {"limit": limit}).scalar_one()
    return found


def awaited_children(tx: Connection, ids: Sequence[UUID]) -> list[Row[Any]]:
    """Give `id, workspace_id` of the active children that executions which ended were waiting for."""
    return list(tx.exec_driver_sql(AWAITED, {"ids": arrays.ids(ids)}))

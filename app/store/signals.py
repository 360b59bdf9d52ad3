"""Signals to steps that wait: kept in a row each, which the step's worker reads when it claims."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

LOCK = """
SELECT e.id, e.status::text AS status, e.workflow_id, e.workflow_version FROM executions e
LEFT JOIN spaces s ON s.id = e.space_id AND s.deleted_at IS NULL
WHERE e.id = %(id)s::uuid AND e.workspace_id = %(workspace)s::uuid
  AND (%(space)s::uuid IS NULL OR s.id = %(space)s::uuid)
FOR NO KEY UPDATE OF e
"""

STEP = """
SELECT coalesce(s.type, d.step->>'type') AS type, s.status::text AS status,
  EXISTS (
    SELECT 1 FROM execution_signals WHERE execution_id = asked.id AND step_id = asked.step_id) AS signalled
FROM (SELECT %(id)s::uuid AS id, %(step)s::text AS step_id) asked
LEFT JOIN execution_steps s ON s.execution_id = asked.id AND s.step_id = asked.step_id
LEFT JOIN LATERAL (
  SELECT step FROM workflow_versions v, jsonb_array_elements(v.definition->'steps') step
  WHERE v.workflow_id = %(workflow)s::uuid AND v.number = %(version)s AND step->>'id' = asked.step_id
) d ON true
WHERE s.step_id IS NOT NULL OR d.step IS NOT NULL
"""

KEEP = """
INSERT INTO execution_signals (execution_id, step_id, payload) VALUES (%(id)s, %(step)s, %(payload)s::jsonb)
"""

WAKE = """
UPDATE executions SET wake_at = now(), sent_at = now(), send_no = send_no + 1
WHERE id = %(id)s::uuid AND status = 'running' AND worker IS NULL AND waiting_since IS NOT NULL
RETURNING id, workspace_id, send_no, sent_at
"""


def lock_execution(
    tx: Connection, workspace_id: UUID, space_id: UUID | None, execution_id: UUID
) -> Row[Any] | None:
    """Lock an execution of a workspace, and of a space if one is named, so that it cannot end meanwhile."""
    space = None if space_id is None else str(space_id)
    given = {"id": str(execution_id), "workspace": str(workspace_id), "space": space}
    return tx.exec_driver_sql(LOCK, given).one_or_none()


def step_of(tx: Connection, execution: Row[Any], step_id: str) -> Row[Any] | None:
    """Give `type, status, signalled` of a step of a locked execution; `status` None before it began."""
    if "\0" in step_id:
        return None
    given = {
        "id": str(execution.id),
        "step": step_id,
        "workflow": None if execution.workflow_id is None else str(execution.workflow_id),
        "version": execution.workflow_version,
    }
    return tx.exec_driver_sql(STEP, given).one_or_none()


def keep(tx: Connection, execution_id: UUID, step_id: str, payload: str) -> None:
    """Keep a signal for a step of a locked execution; `payload` is JSON text."""
    tx.exec_driver_sql(KEEP, {"id": str(execution_id), "step": step_id, "payload": payload})


def wake(tx: Connection, execution_id: UUID) -> Row[Any] | None:
    """Make a locked execution due if it waits without an owner; gives what its ticket needs."""
    return tx.exec_driver_sql(WAKE, {"id": str(execution_id)}).one_or_none()

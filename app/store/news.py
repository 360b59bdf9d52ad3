"""What waiting executions wait for: signals, and the ends of children."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row


def signal(tx: Connection, execution_id: UUID, step_id: str) -> str | None:
    """Give the payload of a step's signal as JSON text; None when none came."""
    query = "SELECT payload::text FROM execution_signals WHERE execution_id = %(id)s AND step_id = %(step)s"
    found: str | None = tx.exec_driver_sql(
        query, {"id": str(execution_id), "step": step_id}
    ).scalar_one_or_none()
    return found


def child(tx: Connection, parent_id: UUID, place: str) -> Row[Any] | None:
    """Give `id, status, output, error` of the child at a place of its parent."""
    query = """
    SELECT id, status, output::text AS output, error FROM executions
    WHERE parent_id = %(parent)s AND parent_step = %(place)s
    """
    return tx.exec_driver_sql(query, {"parent": str(parent_id), "place": place}).one_or_none()


# A statement sees what was committed before it began: only one behind the lock sees a parent that has just
# begun to wait.
LOCK = """
SELECT FROM executions WHERE id = ANY(ARRAY(SELECT parent_id FROM executions WHERE id = ANY(%(ids)s::uuid[])))
ORDER BY id FOR NO KEY UPDATE
"""

# A parent that is at work sees its child's end by itself; one that waits is woken.
WAKE = """
UPDATE executions p SET wake_at = now(), sent_at = now(), send_no = p.send_no + 1
WHERE p.id = ANY(SELECT parent_id FROM executions WHERE id = ANY(%(ids)s::uuid[]))
  AND p.status = 'running' AND p.worker IS NULL AND p.waiting_since IS NOT NULL
RETURNING p.id, p.workspace_id, p.status, p.worker, p.send_no, p.sent_at
"""


def wake_parents(tx: Connection, ended: Sequence[UUID]) -> list[Row[Any]]:
    """Wake the waiting parents of executions that have ended; gives what their tickets need."""
    tx.exec_driver_sql(LOCK, {"ids": [str(i) for i in ended]})
    return list(tx.exec_driver_sql(WAKE, {"ids": [str(i) for i in ended]}))

"""What workspaces keep no longer, found by its time and deleted in batches."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection

from app.store import arrays

# Beyond a hundred years no time can be reckoned, and one workspace's number must not stop all others.
OLD_EXECUTIONS = """
SELECT e.id FROM workspaces w CROSS JOIN LATERAL (
  SELECT id FROM executions
  WHERE workspace_id = w.id AND completed_at < now() - make_interval(days => least(w.retention_days, 36500))
  ORDER BY completed_at LIMIT %(limit)s) e
LIMIT %(limit)s
"""
ITEMS = """
DELETE FROM execution_step_items WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM execution_step_items WHERE execution_id = ANY(%(ids)s::uuid[]) LIMIT %(limit)s))
"""
LOGS = """
DELETE FROM execution_step_logs WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM execution_step_logs WHERE execution_id = ANY(%(ids)s::uuid[]) LIMIT %(limit)s))
"""
EXECUTIONS = """
DELETE FROM executions WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM executions WHERE id = ANY(%(ids)s::uuid[]) ORDER BY id FOR UPDATE SKIP LOCKED))
"""
FIRES = """
DELETE FROM schedule_fires WHERE ctid = ANY(ARRAY(
  SELECT f.place FROM workspaces w
  JOIN spaces p ON p.workspace_id = w.id JOIN schedules s ON s.space_id = p.id
  CROSS JOIN LATERAL (
    SELECT ctid AS place FROM schedule_fires
    WHERE schedule_id = s.id AND scheduled_for < now() - make_interval(days => least(w.retention_days, 36500))
      AND coalesce(until, scheduled_for) < now() - make_interval(days => least(w.retention_days, 36500))
    ORDER BY scheduled_for LIMIT %(limit)s FOR UPDATE SKIP LOCKED) f
  LIMIT %(limit)s))
"""


def old_executions(tx: Connection, limit: int) -> Sequence[UUID]:
    """Name executions that ended before their workspace's retention."""
    return tx.exec_driver_sql(OLD_EXECUTIONS, {"limit": limit}).scalars().all()


def delete_leaves(tx: Connection, ids: Sequence[UUID], limit: int) -> int:
    """Delete items and log lines of executions, `limit` of each: one execution may have very many."""
    given = {"ids": arrays.ids(ids), "limit": limit}
    return sum(tx.exec_driver_sql(query, given).rowcount for query in (ITEMS, LOGS))


def delete_executions(tx: Connection, ids: Sequence[UUID]) -> int:
    """Delete executions with their steps and signals; what names them (retries, children) forgets them."""
    return tx.exec_driver_sql(EXECUTIONS, {"ids": arrays.ids(ids)}).rowcount


def delete_fires(tx: Connection, limit: int) -> int:
    """Delete the record of fires older than their workspace's retention; give how many."""
    return tx.exec_driver_sql(FIRES, {"limit": limit}).rowcount

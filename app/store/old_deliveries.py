"""Deliveries past their time, and what deleted webhooks left, taken away batch by batch."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection

# An id begins with the milliseconds of its creation, so the primary key finds what is old.
FORGET_OLD = """
DELETE FROM webhook_deliveries WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM webhook_deliveries
  WHERE id < (rpad(lpad(to_hex((extract(epoch FROM now() - interval '7 days') * 1000)::bigint), 12, '0'),
    32, '0'))::uuid
  ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
"""
FORGET_BY_QUOTA = """
DELETE FROM webhook_deliveries WHERE ctid = ANY(ARRAY(
  SELECT d.place FROM workspaces w JOIN spaces s ON s.workspace_id = w.id JOIN webhooks h ON h.space_id = s.id
  CROSS JOIN LATERAL (
    SELECT ctid AS place FROM webhook_deliveries WHERE webhook_id = h.id AND id < (rpad(lpad(to_hex(
      (extract(epoch FROM now() - make_interval(days => w.retention_days)) * 1000)::bigint), 12, '0'),
      32, '0'))::uuid
    ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED) d
  WHERE w.retention_days < 7 LIMIT %(limit)s))
"""
DELETED = "SELECT id FROM webhooks WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT %(limit)s"
RELEASE = """
UPDATE executions SET webhook_id = NULL WHERE id = ANY(ARRAY(
  SELECT id FROM executions WHERE webhook_id = %(id)s ORDER BY id LIMIT %(limit)s
  FOR NO KEY UPDATE SKIP LOCKED))
"""
REMOVE_RECORDS = """
DELETE FROM webhook_deliveries WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM webhook_deliveries WHERE webhook_id = %(id)s LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
"""
# No call that saw a webhook alive can still be adding to it after a minute.
REMOVE = """
DELETE FROM webhooks h WHERE id = %(id)s AND deleted_at < now() - interval '1 minute'
  AND NOT EXISTS (SELECT 1 FROM executions WHERE webhook_id = h.id)
  AND NOT EXISTS (SELECT 1 FROM webhook_deliveries WHERE webhook_id = h.id)
"""


def forget(tx: Connection, limit: int) -> int:
    """Delete deliveries older than 7 days, or than their workspace keeps things; give how many."""
    return sum(
        tx.exec_driver_sql(query, {"limit": limit}).rowcount for query in (FORGET_OLD, FORGET_BY_QUOTA)
    )


def deleted(tx: Connection, limit: int) -> Sequence[UUID]:
    """Name deleted webhooks that still have their row, longest deleted first."""
    return tx.exec_driver_sql(DELETED, {"limit": limit}).scalars().all()


def purge(tx: Connection, webhook_id: UUID, limit: int) -> int:
    """Take away one batch of what a deleted webhook left, at last its row; give how many rows."""
    given = {"id": str(webhook_id), "limit": limit}
    return sum(tx.exec_driver_sql(query, given).rowcount for query in (RELEASE, REMOVE_RECORDS, REMOVE))

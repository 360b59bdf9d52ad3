"""Idempotency keys: the first request of a key claims it in the transaction that makes its executions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row


@dataclass(frozen=True, slots=True)
class KeyUse:
    """One use of an idempotency key: its scope, what the body hashed to, and what it is to make."""

    workspace_id: UUID
    route: str
    key: str
    body_hash: bytes
    execution_ids: tuple[UUID, ...]

    @property
    def place(self) -> tuple[str, str, str]:
        """Name the scope of the key."""
        return str(self.workspace_id), self.route, self.key


FIND = """
SELECT k.workspace_id, k.route, k.key, k.body_hash, k.execution_ids FROM idempotency_keys k
JOIN unnest(%(workspace)s::uuid[], %(route)s::text[], %(key)s::text[]) u(workspace_id, route, key)
  USING (workspace_id, route, key)
WHERE k.created_at > now() - interval '24 hours'
"""

CLAIM = """
INSERT INTO idempotency_keys (workspace_id, route, key, body_hash, execution_ids)
VALUES (%(workspace)s, %(route)s, %(key)s, %(hash)s, %(ids)s::uuid[])
ON CONFLICT (workspace_id, route, key) DO UPDATE
  SET body_hash = EXCLUDED.body_hash, execution_ids = EXCLUDED.execution_ids, created_at = now()
  WHERE idempotency_keys.created_at <= now() - interval '24 hours'
RETURNING 1
"""


def find(tx: Connection, uses: Sequence[KeyUse]) -> dict[tuple[str, str, str], Row[Any]]:
    """Find which of the keys were used in the last 24 hours, by their place."""
    given = {
        "workspace": [str(use.workspace_id) for use in uses],
        "route": [use.route for use in uses],
        "key": [use.key for use in uses],
    }
    return {(str(row.workspace_id), row.route, row.key): row for row in tx.exec_driver_sql(FIND, given)}


def claim(tx: Connection, use: KeyUse) -> bool:
    """Claim a key for what this transaction makes; False when another request was first."""
    given = {
        "workspace": str(use.workspace_id),
        "route": use.route,
        "key": use.key,
        "hash": use.body_hash,
        "ids": [str(i) for i in use.execution_ids],
    }
    return tx.exec_driver_sql(CLAIM, given).one_or_none() is not None


def forget_old(tx: Connection, limit: int) -> int:
    """Delete keys older than 24 hours, at most `limit` of them; gives their number."""
    query = """
    DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM idempotency_keys WHERE created_at <= now() - interval '24 hours' LIMIT %(limit)s
      FOR UPDATE SKIP LOCKED))
    """
    return tx.exec_driver_sql(query, {"limit": limit}).rowcount

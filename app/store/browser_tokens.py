"""Questions and changes about sessions of browsers and the links that open one.

They are found by hash alone: like an API key they come before a workspace is known.
"""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, text

from app.store.api_keys import MARKED_EVERY_SECONDS

Purpose = Literal["session", "link"]


@dataclass(frozen=True, slots=True)
class Holder:
    """The key that a token stands for; `unmarked` when its last use was not written down for a minute."""

    key_id: UUID
    workspace_id: UUID
    role: str
    unmarked: bool


ADD = text("""
    INSERT INTO browser_tokens (hash, purpose, api_key_id, expires_at)
    SELECT :hash, :purpose, id, now() + make_interval(secs => :seconds) FROM api_keys
    WHERE id = :key_id AND (expires_at IS NULL OR expires_at > now())
""")
HOLDER = text("""
    SELECT k.id AS key_id, k.workspace_id, k.role::text,
           k.last_used_at IS NULL OR k.last_used_at < now() - make_interval(secs => :every) AS unmarked
    FROM browser_tokens t JOIN api_keys k ON k.id = t.api_key_id
    WHERE t.hash = :hash AND t.purpose = 'session' AND t.expires_at > now()
      AND (k.expires_at IS NULL OR k.expires_at > now())
""")
TAKE = text("""
    DELETE FROM browser_tokens WHERE hash = :hash AND purpose = :purpose
    RETURNING CASE WHEN expires_at > now() THEN api_key_id END
""")
FORGET = text("""
    DELETE FROM browser_tokens WHERE hash = ANY(ARRAY(
        SELECT hash FROM browser_tokens WHERE expires_at <= now() LIMIT :limit FOR UPDATE SKIP LOCKED
    ))
""")


def add(tx: Connection, token_hash: bytes, purpose: Purpose, key_id: UUID, seconds: float) -> bool:
    """Add a token that is good for `seconds`; False when the key is gone or expired."""
    given = {"hash": token_hash, "purpose": purpose, "key_id": key_id, "seconds": seconds}
    return tx.execute(ADD, given).rowcount == 1


def holder(tx: Connection, token_hash: bytes) -> Holder | None:
    """Find the key of a living session, as it is now."""
    row = tx.execute(HOLDER, {"hash": token_hash, "every": MARKED_EVERY_SECONDS}).one_or_none()
    return None if row is None else Holder(**row._mapping)


def take(tx: Connection, token_hash: bytes, purpose: Purpose) -> UUID | None:
    """Remove a token, so that only one caller gets its key; None when it is unknown or too old."""
    key_id: UUID | None = tx.execute(TAKE, {"hash": token_hash, "purpose": purpose}).scalar_one_or_none()
    return key_id


def forget_old(tx: Connection, limit: int) -> int:
    """Delete tokens that are over their time, at most `limit` of them; gives their number."""
    return tx.execute(FORGET, {"limit": limit}).rowcount

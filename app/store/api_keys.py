"""Questions and changes about API keys."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Row, delete, insert, select, text

from app.models import ApiKey

MARKED_EVERY_SECONDS = 60
KEYS = ApiKey.__table__
SHOWN: tuple[Column[Any], ...] = (
    KEYS.c.id,
    KEYS.c.name,
    KEYS.c.role,
    KEYS.c.expires_at,
    KEYS.c.last_used_at,
    KEYS.c.created_at,
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What tells whether a key is good; `unmarked` when its last use was not written down for a minute."""

    id: UUID
    workspace_id: UUID
    role: str
    hash: bytes
    seconds_left: float
    unmarked: bool


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is stored."""

    id: UUID
    name: str
    role: str
    hash: bytes
    expires_at: datetime | None


CREDENTIALS = text("""
    SELECT id, workspace_id, role::text, hash,
           coalesce(extract(epoch FROM expires_at - now())::float8, 'infinity') AS seconds_left,
           last_used_at IS NULL OR last_used_at < now() - make_interval(secs => :every) AS unmarked
    FROM api_keys WHERE id = :id
""")
MARK_USED = text("""
    UPDATE api_keys SET last_used_at = now()
    WHERE id = (
        SELECT id FROM api_keys
        WHERE workspace_id = :workspace_id AND id = :id
          AND (last_used_at IS NULL OR last_used_at < now() - make_interval(secs => :every))
        FOR NO KEY UPDATE SKIP LOCKED
    )
""")


def credentials(tx: Connection, key_id: UUID) -> Credentials | None:
    """Find one key in the whole installation: the one question that comes before a workspace is known."""
    row = tx.execute(CREDENTIALS, {"id": key_id, "every": MARKED_EVERY_SECONDS}).one_or_none()
    return None if row is None else Credentials(**{**row._mapping, "hash": bytes(row.hash)})


def mark_used(tx: Connection, workspace_id: UUID, key_id: UUID) -> None:
    """Write down that a key was used, at most once a minute and waiting for nobody."""
    tx.execute(MARK_USED, {"workspace_id": workspace_id, "id": key_id, "every": MARKED_EVERY_SECONDS})


def create(tx: Connection, workspace_id: UUID, key: NewKey) -> Row[Any]:
    """Add a key."""
    return tx.execute(insert(KEYS).values(workspace_id=workspace_id, **asdict(key)).returning(*SHOWN)).one()


def page(tx: Connection, workspace_id: UUID, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """List keys, newest first."""
    query = select(*SHOWN).where(KEYS.c.workspace_id == workspace_id).order_by(KEYS.c.id.desc()).limit(limit)
    return tx.execute(query if before is None else query.where(KEYS.c.id < before)).all()


def remove(tx: Connection, workspace_id: UUID, key_id: UUID) -> bool:
    """Delete a key; False when there is none."""
    gone = delete(KEYS).where(KEYS.c.workspace_id == workspace_id, KEYS.c.id == key_id)
    return tx.execute(gone).rowcount == 1

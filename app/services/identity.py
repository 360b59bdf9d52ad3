"""Who an API key stands for; remembered for a few seconds, so that a request rarely asks the database."""

import hmac
import time
from dataclasses import dataclass
from uuid import UUID

from app.services import key_format
from app.services.transaction import reading, transaction
from app.states import Role
from app.store import api_keys as store

REMEMBERED_SECONDS = 4.0
REMEMBERED_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Identity:
    """A valid key: whose it is and what it may do; `browser` when it came as a page's session."""

    key_id: UUID
    workspace_id: UUID
    role: Role
    browser: bool = False


_known: dict[bytes, tuple[Identity, float]] = {}


def identify(key: str) -> Identity | None:
    """Find who `key` stands for, None for a key that is wrong, unknown, revoked or expired.

    A revoked key works for at most REMEMBERED_SECONDS more; an expired one not at all.
    """
    key_id = key_format.key_id(key)
    if key_id is None:
        return None
    key_hash, asked_at = key_format.hash_of(key), time.monotonic()
    known = _known.get(key_hash)
    if known is not None and asked_at < known[1]:
        return known[0]
    return _look_up(key_id, key_hash, asked_at)


def forget(key_id: UUID) -> None:
    """Stop honouring a revoked key in this process at once."""
    for key_hash, (identity, _) in list(_known.items()):
        if identity.key_id == key_id:
            _known.pop(key_hash, None)


def _look_up(key_id: UUID, key_hash: bytes, asked_at: float) -> Identity | None:
    with reading() as tx:
        row = store.credentials(tx, key_id)
    stored = row.hash if row else bytes(len(key_hash))
    if not hmac.compare_digest(stored, key_hash) or row is None or row.seconds_left <= 0:
        _known.pop(key_hash, None)
        return None
    identity = Identity(row.id, row.workspace_id, Role(row.role))
    if len(_known) >= REMEMBERED_KEYS:
        _known.clear()
    _known[key_hash] = identity, asked_at + min(REMEMBERED_SECONDS, row.seconds_left)
    if row.unmarked:
        with transaction() as tx:
            store.mark_used(tx, row.workspace_id, row.id)
    return identity

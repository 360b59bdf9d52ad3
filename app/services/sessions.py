"""Sessions of browsers: opened with an API key or a link that works once, over when the key is."""

import hashlib
import hmac
import re
import secrets
from uuid import UUID

from app.errors import Forbidden, Unauthorized
from app.services.identity import Identity, identify
from app.services.transaction import reading, transaction
from app.states import Role
from app.store import api_keys as key_store
from app.store import browser_tokens as store

COOKIE = "linea_session"
SESSION_SECONDS = 12 * 3600
LINK_SECONDS = 3600
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORGOTTEN_AT_ONCE = 1_000

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def open_with_key(key: str) -> str | None:
    """Open a session; give its token, None when the key is not valid.

    A key is 32 random bytes found by its id and compared by hash, so how long a refusal
    takes tells nothing about another key.
    """
    identity = identify(key)
    return None if identity is None else _add(identity.key_id, "session", SESSION_SECONDS)


def make_link(key_id: UUID) -> str | None:
    """Make the token of a link that logs in once, within LINK_SECONDS; None when the key is not valid."""
    return _add(key_id, "link", LINK_SECONDS)


def open_with_link(token: str) -> str | None:
    """Use a link up; give the token of the session, None when it was used, is too old or unknown."""
    if not _TOKEN.fullmatch(token):
        return None
    with transaction() as tx:
        key_id = store.take(tx, _hash(token), "link")
    return None if key_id is None else _add(key_id, "session", SESSION_SECONDS)


def identify_session(token: str | None) -> Identity:
    """Find who a session stands for, asking the database each time; raise Unauthorized when it is over."""
    found = None
    if token and _TOKEN.fullmatch(token):
        with reading() as tx:
            found = store.holder(tx, _hash(token))
    if found is None:
        raise Unauthorized("Nobody is logged in here: the session is over, or its API key was revoked.")
    if found.unmarked:
        with transaction() as tx:
            key_store.mark_used(tx, found.workspace_id, found.key_id)
    return Identity(found.key_id, found.workspace_id, Role(found.role), browser=True)


def close(token: str) -> None:
    """End a session, also for whoever has a copy of its cookie."""
    if _TOKEN.fullmatch(token):
        with transaction() as tx:
            store.take(tx, _hash(token), "session")


def csrf_token(session: str) -> str:
    """Make a CSRF token of a session; each is another one, so that compressing a page tells nothing of it."""
    nonce = secrets.token_hex(8)
    return f"{nonce}.{_sealed(session, nonce)}"


def check_request(session: str, method: str, csrf: str | None, site: str | None) -> None:
    """Refuse a change that another site may have caused; raise Forbidden.

    `csrf` is what the request brought, `site` its Sec-Fetch-Site (Fetch Metadata), which browsers set.
    """
    if method in SAFE_METHODS:
        return
    if from_elsewhere(site):
        raise Forbidden("The request came from another site: changes are made from our own pages alone.")
    nonce, _, seal = (csrf or "").partition(".")
    if not hmac.compare_digest(seal.encode(), _sealed(session, nonce).encode()):
        raise Forbidden("In a browser session a change needs its X-CSRF-Token: load the page again.")


def from_elsewhere(site: str | None) -> bool:
    """Tell from Sec-Fetch-Site whether another site caused a request; browsers too old to say pass."""
    return site not in (None, "same-origin", "none")


def forget_old() -> None:
    """Delete sessions and links that are over their time."""
    with transaction() as tx:
        store.forget_old(tx, FORGOTTEN_AT_ONCE)


def _add(key_id: UUID, purpose: store.Purpose, seconds: float) -> str | None:
    token = secrets.token_urlsafe(32)
    with transaction() as tx:
        added = store.add(tx, _hash(token), purpose, key_id, seconds)
    return token if added else None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _sealed(session: str, nonce: str) -> str:
    return hmac.new(session.encode(), b"csrf\0" + nonce.encode(), hashlib.sha256).hexdigest()

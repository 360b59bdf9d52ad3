"""Who asks and what they may do: `needs(role)` stands on every view under a workspace."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from flask import g, request

from app.errors import Forbidden, NotFound, Unauthorized
from app.services import sessions, spaces
from app.services.identity import Identity, identify
from app.services.scope import Scope
from app.states import Role

View = TypeVar("View", bound=Callable[..., Any])


def needs(role: Role) -> Callable[[View], View]:
    """Let in only callers with at least `role` in the workspace (and space) of the path.

    Takes `workspace_id` and `space_id` out of the path's arguments into `current_scope()`.
    A foreign workspace or space is as unknown as one that does not exist.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(
            *args: Any, workspace_id: UUID | None = None, space_id: UUID | None = None, **kwargs: Any
        ) -> Any:
            identity = authenticate()
            if workspace_id not in (None, identity.workspace_id):
                raise NotFound("There is no such workspace for this key: GET /me tells the key's workspace.")
            if not identity.role.includes(role):
                raise Forbidden(f"This needs the role {role}; the key has {identity.role}.")
            g.identity = identity
            g.scope = _scope(identity, space_id)
            return view(*args, **kwargs)

        guarded.needed_role = role  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate


def current_scope() -> Scope:
    """Give the workspace, space and role of the current request."""
    scope: Scope = g.scope
    return scope


def authenticate() -> Identity:
    """Find out who sends the current request; raise Unauthorized when nobody valid does.

    A browser's session stands in for the key. Raises Forbidden for a change without its CSRF token.
    """
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    session = request.cookies.get(sessions.COOKIE)
    if session and not scheme:
        return _in_session(session)
    if not scheme:
        raise Unauthorized("Send an API key: Authorization: Bearer lin_…")
    if scheme.lower() != "bearer":
        raise Unauthorized("Only Authorization: Bearer <API key> is understood.")
    identity = identify(key.strip())
    if identity is None:
        raise Unauthorized("The API key is not valid: it may be mistyped, revoked or expired.")
    return identity


def _in_session(session: str) -> Identity:
    identity = sessions.identify_session(session)
    csrf, site = request.headers.get("X-CSRF-Token"), request.headers.get("Sec-Fetch-Site")
    sessions.check_request(session, request.method, csrf, site)
    return identity


def _scope(identity: Identity, space_id: UUID | None) -> Scope:
    scope = Scope(identity.workspace_id, identity.role, space_id, identity.browser)
    if space_id is not None:
        spaces.require(scope)
    return scope

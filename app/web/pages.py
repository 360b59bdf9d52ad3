"""What every page has: who looks at it, the frame around it, its headers, and errors as pages."""

import gzip
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, g, redirect, request
from sqlalchemy import Row

from app.errors import Forbidden, Unauthorized
from app.services import sessions, spaces, workspaces
from app.services.identity import Identity
from app.services.scope import Scope
from app.states import Role
from app.web import error_pages, static_files, wording

View = TypeVar("View", bound=Callable[..., Any])
ZIPPED_FROM_BYTES = 1_000
CSP = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "connect", "font")),
        "img-src 'self' data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """Who looks at a page, and where.

    `token` is the session's, `scope` what services take, `space` the row of the space, None outside of one.
    """

    token: str
    scope: Scope
    workspace_name: str
    space: Row[Any] | None

    def may(self, role: str) -> bool:
        """Tell whether the visitor has at least a role."""
        return self.scope.role.includes(Role(role))

    @property
    def api(self) -> str:
        """Give the address of the API for this workspace and space."""
        inside = f"/spaces/{self.scope.space_id}" if self.scope.space_id else ""
        return f"/workspaces/{self.scope.workspace_id}{inside}"


def needs(role: Role) -> Callable[[View], View]:
    """Show a page to those with at least `role`; lead to /login who has no session.

    Takes `space_id` out of the path's arguments into `visit()`. A form's POST must bring `csrf`.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, space_id: UUID | None = None, **kwargs: Any) -> Any:
            identity = _visitor()
            if identity is None:
                return redirect(_login_address(), 303)
            _enter(identity, space_id, role)
            return view(*args, **kwargs)

        guarded.needed_role = role  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate


def visit() -> Visit:
    """Give who looks at the current page, and where."""
    found: Visit = g.visit
    return found


def _visitor() -> Identity | None:
    """Find who is logged in, None for nobody; a change must have come from our own page."""
    session = request.cookies.get(sessions.COOKIE, "")
    try:
        identity = sessions.identify_session(session)
    except Unauthorized:
        return None
    sessions.check_request(
        session, request.method, request.form.get("csrf"), request.headers.get("Sec-Fetch-Site")
    )
    return identity


def _enter(identity: Identity, space_id: UUID | None, role: Role) -> None:
    """Begin a visit; raise NotFound for an unknown space, Forbidden for too low a role."""
    scope = Scope(identity.workspace_id, identity.role, space_id, browser=True)
    name = workspaces.name_of(scope.workspace_id)
    session = request.cookies[sessions.COOKIE]
    g.visit = Visit(session, Scope(scope.workspace_id, scope.role, browser=True), name, None)
    if space_id is not None:
        g.visit = Visit(session, scope, name, spaces.show(scope))
    if not identity.role.includes(role):
        raise Forbidden(f"This needs the role {role}; you are logged in as {identity.role}.")


def _login_address() -> str:
    """Give the address of the log-in that leads back here, where that is a page one can open again."""
    if request.method not in sessions.SAFE_METHODS or request.path == "/":
        return "/login"
    back = request.full_path if request.query_string else request.path
    return f"/login?{urlencode({'next': back})}"


def _frame() -> dict[str, Any]:
    """Give what base.html and its blocks read."""
    seen: Visit | None = g.get("visit")
    return {
        "visit": seen,
        "csrf_token": sessions.csrf_token(seen.token) if seen else None,
        "asset": static_files.address,
        "wording": wording.VOCABULARY,
    }


def _finish(response: Response) -> Response:
    """Set the headers of a page and compress it; its CSRF token is another one each time."""
    response.headers.update(HEADERS)
    long = response.mimetype == "text/html" and (response.content_length or 0) >= ZIPPED_FROM_BYTES
    if long and request.accept_encodings.quality("gzip") > 0:
        response.set_data(gzip.compress(response.get_data(), 5, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
    return response


def gathered(blueprints: Iterable[Blueprint]) -> Blueprint:
    """Put the blueprints of the nouns under one that frames them all."""
    web = Blueprint("web", __name__, template_folder="templates")
    for blueprint in blueprints:
        web.register_blueprint(blueprint)
    web.context_processor(_frame)
    web.after_request(_finish)
    web.register_error_handler(Exception, error_pages.answer)
    for name, filter_ in wording.FILTERS.items():
        web.add_app_template_filter(filter_, name)
    return web

"""Live streams of executions: server-sent events."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import NotAcceptable

from app.api.auth import authenticate, current_scope, needs
from app.api.body import Blueprint
from app.errors import Forbidden, Unauthorized
from app.schemas.streams import ExecutionStreamQuery, StreamQuery
from app.services.identity import Identity
from app.states import Role
from app.store.execution_filters import Filters
from app.stream.hub import Hub
from app.stream.outlet import Caller, Wanted

MEDIA_TYPE = "text/event-stream"
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
CONNECTION = ("SERVER_NAME", "SERVER_PORT", "wsgi.url_scheme", "REMOTE_ADDR")
KEY_SECONDS = 1.0  # a key is looked up at most every few seconds anyway, a session each time
SESSION_SECONDS = 4.0
EVENTS = "Events `execution`, `step` (of one execution) and `reset`; see the documentation of streams."
View = TypeVar("View", bound=Callable[..., Any])

in_space = Blueprint(
    "streams",
    __name__,
    url_prefix="/workspaces/<uuid:workspace_id>/spaces/<uuid:space_id>/executions",
    description="Executions of a space as they change.",
)
in_workspace = Blueprint(
    "workspace streams",
    __name__,
    url_prefix="/workspaces/<uuid:workspace_id>/executions",
    description="Executions of a workspace as they change.",
)


def in_both(rule: str) -> Callable[[View], View]:
    """Register one view under a space and under its workspace."""

    def register(view: View) -> View:
        for blueprint in (in_space, in_workspace):
            blueprint.route(rule, methods=["GET"])(view)
        return view

    return register


@in_both("/stream")
@needs(Role.VIEWER)
@in_space.arguments(StreamQuery, location="query")
@in_space.response(200, {"type": "string"}, content_type=MEDIA_TYPE, description=EVENTS)
def stream_executions(query: tuple[Filters, str | None]) -> Response:
    """Tell of executions as they change, until the client leaves (server-sent events)."""
    scope, (filters, resume) = current_scope(), query
    return _stream(Wanted(scope.workspace_id, scope.space_id, None, filters), resume)


@in_both("/<uuid:execution_id>/stream")
@needs(Role.VIEWER)
@in_space.arguments(ExecutionStreamQuery, location="query")
@in_space.response(200, {"type": "string"}, content_type=MEDIA_TYPE, description=EVENTS)
def stream_execution(query: dict[str, Any], execution_id: UUID) -> Response:
    """Tell how an execution and its steps are, and of each change (server-sent events)."""
    scope = current_scope()
    return _stream(Wanted(scope.workspace_id, scope.space_id, execution_id), query["last_event_id"])


def _stream(wanted: Wanted, resume: str | None) -> Response:
    """Answer with a stream; HEAD with its headers alone."""
    if request.accept_mimetypes and not request.accept_mimetypes.quality(MEDIA_TYPE):
        raise NotAcceptable(f"Streams are {MEDIA_TYPE}: ask for that, or leave Accept out.")
    if request.method == "HEAD":
        return Response(headers=HEADERS, content_type=MEDIA_TYPE)
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    hub: Hub = app.extensions["streams"]
    outlet = hub.open(app, wanted, _caller(app), request.headers.get("Last-Event-ID") or resume or None)
    return Response(outlet, headers=HEADERS, content_type=MEDIA_TYPE, direct_passthrough=True)


def _caller(app: Flask) -> Caller:
    """Remember who asks, so that it can be asked again whether they may."""
    environ = {name: value for name, value in request.environ.items() if _is_told_by_client(name)}
    environ |= {"REQUEST_METHOD": "GET", "PATH_INFO": request.path}
    identity: Identity = g.identity

    def may_listen() -> bool:
        with app.request_context(dict(environ)):
            return _still(identity)

    credentials = request.headers.get("Authorization"), request.headers.get("Cookie")
    return Caller(credentials, may_listen, SESSION_SECONDS if identity.browser else KEY_SECONDS)


def _still(identity: Identity) -> bool:
    """Tell whether the current request would be let in as the same."""
    try:
        return authenticate().key_id == identity.key_id
    except (Unauthorized, Forbidden):
        return False


def _is_told_by_client(name: str) -> bool:
    """Choose what of a WSGI environ a request is made of, besides its body."""
    return name.startswith("HTTP_") or name in CONNECTION

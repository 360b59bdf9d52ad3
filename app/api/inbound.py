"""The public door: what the outside sends to a webhook."""

import re
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes
from uuid import UUID

from flask import Response, request
from flask.sansio.blueprints import BlueprintSetupState

from app import clock
from app.api.body import Blueprint, read_body
from app.api.reply import json_reply
from app.errors import DatabaseUnavailable, LineaError
from app.schemas.webhooks import StartedOut
from app.services import execution_views, executions, inbound, payloads
from app.services.inbound import Started
from app.services.scope import Scope
from app.services.signatures import Call
from app.services.verification import Challenge
from app.states import Role, Status

blp = Blueprint("inbound", __name__, description="What the outside calls")
RESULT_SECONDS = 25
CHALLENGE = "Webhook"  # RFC 9110, 11.6.1: a 401 names a scheme; no registered one stands for a signature
ENDS = {Status.FAILED: "The execution failed.", Status.CANCELLED: "The execution was cancelled."}
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


class NotCompleted(LineaError):
    """The execution that the sender waited for has ended without a result."""

    code: ClassVar[str] = "execution_not_completed"
    status: ClassVar[int] = 502
    title: ClassVar[str] = "The execution has no result"


@blp.route("/webhooks/<webhook_id>", methods=["GET"], endpoint="get")
@blp.route("/webhooks/<webhook_id>", methods=["POST"], endpoint="post")
@blp.route("/webhooks/<webhook_id>", methods=["PUT"], endpoint="put")
@blp.response(202, StartedOut)
@blp.alt_response(200, schema=StartedOut, description="Seen before; or the output, with `respond: result`.")
def receive(webhook_id: str) -> Response:
    """Start the workflow of a webhook with what is sent."""
    known_id = UUID(webhook_id) if _ID.fullmatch(webhook_id) else None
    started = inbound.receive(known_id, _head(), read_body)
    if isinstance(started, Challenge):
        return Response(started.body, 200, content_type=started.media_type)
    if started.is_duplicate or started.respond == "accepted":
        return _accepted(started)
    return _result(started)


@blp.record
def _without_head(state: BlueprintSetupState) -> None:
    """Take HEAD away, which Flask lets follow from GET: a GET starts something here."""
    for endpoint in ("inbound.get", "inbound.post", "inbound.put"):
        for rule in state.app.url_map.iter_rules(endpoint):
            (rule.methods or set()).discard("HEAD")


@blp.after_request
def _challenge_alike(response: Response) -> Response:
    """Name one scheme for all, since what a webhook is signed with is nobody's business."""
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = CHALLENGE
    return response


def _head() -> Call:
    """Give the call without its body."""
    query = [(_clean(name), _clean(value)) for name, value in request.args.items(multi=True)]
    return Call(
        request.method,
        {name.lower(): value for name, value in request.headers.items()},
        payloads.grouped(query),
        b"",
        clock.now(),
        _is_text(request.query_string),
    )


def _accepted(started: Started) -> Response:
    return json_reply({"executionId": str(started.execution_id)}, 200 if started.is_duplicate else 202)


def _result(started: Started) -> Response:
    """Wait for the end and answer with the output; what went wrong is for the workspace, not for senders."""
    scope = Scope(started.workspace_id, Role.OPERATOR)
    if not executions.wait_until_finished(scope, started.execution_id, RESULT_SECONDS):
        return _accepted(started)
    try:
        execution: dict[str, Any] = execution_views.one(scope, started.execution_id)
    except DatabaseUnavailable:
        return _accepted(started)
    if execution["status"] == Status.COMPLETED:
        return json_reply(execution["output"])
    raise NotCompleted(ENDS[execution["status"]], extra={"executionId": str(started.execution_id)})


def _is_text(query: bytes) -> bool:
    """Tell whether a query is UTF-8 without NUL."""
    raw = unquote_to_bytes(query)
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in raw


def _clean(text: str) -> str:
    return text.replace("\0", "")

"""The public door: what the outside sends to a webhook."""

import re
from typing import Any, ClassVar
from uuid import UUID

from flask import Response, request

from app import clock
from app.api.body import Blueprint, read_body
from app.api.reply import json_reply
from app.errors import BodyTooLarge, LineaError, MethodNotAllowed
from app.schemas.webhooks import StartedOut
from app.services import execution_views, executions, inbound, payloads
from app.services.inbound import Started
from app.services.scope import Scope
from app.services.signatures import Call
from app.services.verification import Challenge
from app.states import Role, Status

blp = Blueprint("inbound", __name__, description="What the outside calls")
RESULT_SECONDS = 25
METHODS = ("GET", "POST", "PUT")
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
    if request.method not in METHODS:
        raise MethodNotAllowed(f"Use one of {', '.join(METHODS)} here.")
    known_id = UUID(webhook_id) if _ID.fullmatch(webhook_id) else None
    try:
        body = read_body()
    except BodyTooLarge:
        inbound.note_too_large(known_id, _call(b""))
        raise
    started = inbound.receive(known_id, _call(body))
    if isinstance(started, Challenge):
        return Response(started.body, 200, content_type=started.media_type)
    if started.is_duplicate or started.respond == "accepted":
        return _accepted(started)
    return _result(started)


def _call(body: bytes) -> Call:
    query = [(_clean(name), _clean(value)) for name, value in request.args.items(multi=True)]
    return Call(
        request.method,
        {name.lower(): value for name, value in request.headers.items()},
        payloads.grouped(query),
        body,
        clock.now(),
    )


def _accepted(started: Started) -> Response:
    return json_reply({"executionId": str(started.execution_id)}, 200 if started.is_duplicate else 202)


def _result(started: Started) -> Response:
    """Wait for the end and answer with the output; what went wrong is for the workspace, not for senders."""
    scope = Scope(started.workspace_id, Role.OPERATOR)
    if not executions.wait_until_finished(scope, started.execution_id, RESULT_SECONDS):
        return _accepted(started)
    execution: dict[str, Any] = execution_views.one(scope, started.execution_id)
    if execution["status"] == Status.COMPLETED:
        return json_reply(execution["output"])
    raise NotCompleted(
        f"The execution was {execution['status']}.", extra={"executionId": str(started.execution_id)}
    )


def _clean(text: str) -> str:
    return text.replace("\0", "")

"""Every error, ours or a library's, becomes one RFC 9457 problem; nothing internal leaves with it."""

import re
from http import HTTPStatus
from typing import Any

import orjson
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app import log
from app.errors import (
    BodyTooLarge,
    Fault,
    LineaError,
    MethodNotAllowed,
    NotFound,
    UnsupportedMediaType,
)
from app.services.transaction import excuse

MEDIA_TYPE = "application/problem+json"
KNOWN: dict[int, type[LineaError]] = {
    404: NotFound,
    405: MethodNotAllowed,
    413: BodyTooLarge,
    415: UnsupportedMediaType,
}
HELP = {
    404: "There is nothing at this address: see /docs for the routes, or check the id.",
    413: "The body is too large: see /docs for the limit of this route.",
}

_log = log.get(__name__)


def register(app: Flask) -> None:
    """Let one handler answer every exception of every route, and of addresses that are no route."""
    app.register_error_handler(Exception, answer)
    app.register_error_handler(HTTPException, answer)


def answer(error: Exception) -> Response:
    """Turn any exception into a problem."""
    if isinstance(error, LineaError):
        return problem(error)
    if isinstance(error, HTTPException):
        return _of_http(error)
    if (excused := excuse(error)) is not None:
        return problem(excused)
    _log.error("unexpected_error", method=request.method, path=request.path, exc_info=error)
    return problem(LineaError("Something went wrong here; it was logged. Try again, or tell the operator."))


def problem(error: LineaError, headers: dict[str, str] | None = None) -> Response:
    """Write one error as `application/problem+json`."""
    body: dict[str, Any] = {
        "type": f"/docs#{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }
    if error.faults or error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        body["errors"] = [{"path": fault.path, "message": fault.message} for fault in error.faults]
    response = Response(orjson.dumps(body | error.extra), error.status, mimetype=MEDIA_TYPE)
    response.headers.update(headers or {})
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _of_http(error: HTTPException) -> Response:
    status = error.code or 500
    if isinstance(error, RequestEntityTooLarge):
        return problem(BodyTooLarge(HELP[413]))
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        methods = ", ".join(sorted(allowed))
        return problem(MethodNotAllowed(f"Use one of {methods} here."), {"Allow": methods})
    known = KNOWN.get(status)
    detail = HELP.get(status) or error.description or HTTPStatus(status).description
    return problem(known(detail) if known else _unknown(status, detail))


def _unknown(status: int, detail: str) -> LineaError:
    """Make an error of a status that no class of ours stands for, such as a bad Host header's."""
    phrase = HTTPStatus(status).phrase
    names = {"code": re.sub(r"\W+", "_", phrase.lower()), "status": status, "title": phrase}
    kind = type("HttpError", (LineaError,), names)
    made: LineaError = kind(detail)
    return made


def faults_of(messages: Any, path: str = "") -> list[Fault]:
    """Flatten marshmallow's nested messages into faults with paths such as `executions[3].tags[0]`."""
    if isinstance(messages, dict):
        return [
            fault
            for key, inner in messages.items()
            for fault in faults_of(inner, path if key == "_schema" else path_to(path, key))
        ]
    if isinstance(messages, list):
        return [fault for inner in messages for fault in faults_of(inner, path)]
    return [Fault(path, str(messages))]


def path_to(path: str, key: str | int) -> str:
    """Add one member or index to a path."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", key):
        return f"{path}.{key}" if path else key
    return f"{path}[{orjson.dumps(key).decode()}]"

"""Errors of pages as pages; the API's own stay problem+json."""

from flask import Response, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from app import log
from app.errors import LineaError
from app.services.transaction import excuse

_log = log.get(__name__)


def answer(error: Exception) -> BaseResponse:
    """Turn any exception of a page into a page with a sentence that helps."""
    if isinstance(error, LineaError):
        return _page(error.status, error.title, error.detail, error.retry_after)
    if isinstance(error, HTTPException):
        return _of_http(error)
    if (excused := excuse(error)) is not None:
        return answer(excused)
    _log.error("unexpected_error", method=request.method, path=request.path, exc_info=error)
    return _page(500, "Something went wrong", "It was logged. Try again, or tell the operator.")


def _of_http(error: HTTPException) -> BaseResponse:
    """Pass redirects on; say the rest in its own words."""
    if error.response is not None or (error.code or 500) < 400:
        return BaseResponse.force_type(error.get_response())
    return _page(error.code or 500, error.name, error.description or "")


def _page(status: int, title: str, detail: str, retry_after: int | None = None) -> Response:
    body = render_template("error.html", status=status, title=title, detail=detail)
    response = Response(body, status, mimetype="text/html")
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response

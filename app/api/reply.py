"""Answers whose body is JSON already: written once, without a schema's dump."""

from typing import Any

from flask import Response

from app import strictjson
from app.services.paging import Page

Json = Any


def json_reply(body: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with JSON."""
    return Response(strictjson.dumps(body), status, headers, mimetype="application/json")


def page_reply(page: Page[Json]) -> Response:
    """Answer with one page of a list."""
    return json_reply({"data": page.data, "nextCursor": page.next_cursor})

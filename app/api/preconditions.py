"""ETags (RFC 9110, 8.8.3 and 13.1.1): a change may name the revision that it starts from."""

import re
from http import HTTPStatus

from flask import Response, request

from app.errors import PreconditionFailed

_TAG = re.compile(r'\s*(W/)?"([^"]*)"\s*')


def etag(revision: int) -> dict[str, str]:
    """Give the headers that name a revision."""
    return {"ETag": f'"{revision}"'}


def unless_modified(response: Response) -> Response:
    """Answer a read whose ETag the caller has already (If-None-Match) with 304 and no body."""
    if request.method in ("GET", "HEAD") and response.status_code == HTTPStatus.OK:
        response.make_conditional(request)
    return response


def wanted_revisions() -> set[int] | None:
    """Read If-Match: the revisions that the caller accepts, None for any. Raises PreconditionFailed."""
    given = request.headers.get("If-Match", "").strip()
    if given in ("", "*"):
        return None
    tags = [_TAG.fullmatch(tag) for tag in given.split(",")]
    if not all(tags):
        raise PreconditionFailed(
            'If-Match must be the ETag of a read as it came, quotes included: If-Match: "3".'
        )
    strong = [tag[2] for tag in tags if tag and not tag[1]]
    return {int(text) for text in strong if re.fullmatch(r"\d{1,9}", text, re.ASCII)}

"""ETags (RFC 9110, 8.8.3 and 13.1.1): a change may name the revision that it starts from."""

import re

from flask import request

from app.errors import PreconditionFailed

_TAG = re.compile(r'\s*(W/)?"([^"]*)"\s*')


def etag(revision: int) -> dict[str, str]:
    """Give the headers that name a revision."""
    return {"ETag": f'"{revision}"'}


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

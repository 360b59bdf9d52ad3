"""Lists: which page is asked for, and how it is given."""

from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Range

from app.schemas.base import In, Out
from app.schemas.fields import QueryInteger

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


class PageQuery(In):
    """Which page of a list; a list with filters adds its fields."""

    error_messages = {"unknown": "There is no such parameter: take it out."}  # noqa: RUF012

    limit = QueryInteger(
        load_default=DEFAULT_LIMIT,
        validate=Range(1, MAX_LIMIT, error="Must be from {min} to {max}."),
        metadata={"description": "The most rows of a page.", "default": DEFAULT_LIMIT},
    )
    cursor = fields.String(
        load_default=None, metadata={"description": "The `nextCursor` of the page before; opaque."}
    )


def page_of(item: type[Schema], **options: Any) -> type[Schema]:
    """Make the schema of a page of `item`s."""
    members: dict[str, Any] = {
        "data": fields.List(fields.Nested(item(**options)), required=True),
        "next_cursor": fields.String(required=True, allow_none=True),
    }
    return type(f"{item.__name__.removesuffix('Out')}Page", (Out,), members)

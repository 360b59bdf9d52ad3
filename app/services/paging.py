"""Cursors of lists: opaque, signed, and good only for the list and filters that gave them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from flask import current_app
from itsdangerous import BadData, URLSafeSerializer

from app import strictjson
from app.errors import Fault, ValidationFailed

Row = TypeVar("Row")
MAX_CURSOR = 1000


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list, and the cursor of those after them."""

    data: list[Row]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """One list as one caller filters it: `name` and `filters` (as JSON) tell it from all others."""

    name: str
    workspace_id: UUID
    space_id: UUID | None = None
    filters: Any = None

    def cursor(self, position: Any) -> str:
        """Seal a position (any JSON) for the caller to bring back."""
        return str(self._serializer().dumps(position))

    def position(self, cursor: str | None) -> Any:
        """Open a cursor, None for the first page; raise ValidationFailed for a foreign one."""
        if cursor is None:
            return None
        try:
            if len(cursor) > MAX_CURSOR:
                raise BadData("too long")
            return self._serializer().loads(cursor)
        except BadData as error:
            message = "Is no cursor of this list with these filters: start again without a cursor."
            raise ValidationFailed(f"cursor: {message}", faults=[Fault("cursor", message)]) from error

    def page(self, rows: Sequence[Row], limit: int, position: Callable[[Row], Any]) -> Page[Row]:
        """Cut a page from rows that were asked for with `limit + 1`."""
        shown = list(rows[:limit])
        more = len(rows) > limit
        return Page(shown, self.cursor(position(shown[-1])) if more else None)

    def _serializer(self) -> URLSafeSerializer:
        bound = [self.name, str(self.workspace_id), str(self.space_id), self.filters]
        return URLSafeSerializer(
            current_app.config["SECRET_KEY"], salt=b"cursor\0" + strictjson.canonical(bound)
        )

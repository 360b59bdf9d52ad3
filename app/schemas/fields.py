"""Fields that several schemas share."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields

from app.clock import rfc3339
from app.schemas.base import said
from app.steps.fields import Boolean, Integer

__all__ = ["Boolean", "CommaList", "Instant", "Integer", "Name", "QueryInteger", "Text"]

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
MAX_NAME = 200


class Text(fields.String):
    """A text."""

    default_error_messages = said(invalid="Must be a text.")


class Name(Text):
    """A name for people: trimmed, 1 to 200 characters, on one line."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs).strip()
        if not 1 <= len(name) <= MAX_NAME:
            raise ValidationError(f"Must have 1 to {MAX_NAME} characters.")
        if _CONTROL.search(name):
            raise ValidationError("Must be one line without control characters.")
        return name


class Instant(fields.Field[datetime]):
    """A time as RFC 3339 with an offset; in UTC with `Z` on the way out."""

    default_error_messages = said(
        invalid="Must be a time such as 2030-01-31T12:00:00Z (in a URL write + as %2B)."
    )

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> datetime:
        if not isinstance(value, str) or not _RFC3339.fullmatch(value):
            raise self.make_error("invalid")
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self.make_error("invalid") from error

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return rfc3339(value)


class QueryInteger(fields.Integer):
    """A whole number in a query, written in digits."""

    default_error_messages = said(invalid="Must be a whole number.")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,9}", value, re.ASCII):
            raise self.make_error("invalid")
        return int(value)


class CommaList(fields.List[Any]):
    """A query parameter that may be repeated or hold a comma list."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        words = [word.strip() for text in value for word in str(text).split(",")]
        return super()._deserialize(words, attr, data, **kwargs)

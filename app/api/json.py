"""JSON answers by orjson: times as RFC 3339, nothing re-ordered."""

from datetime import datetime
from typing import Any

import orjson
from flask.json.provider import JSONProvider

from app.clock import rfc3339

OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS


class OrjsonProvider(JSONProvider):
    """What Flask writes and reads JSON with."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Write JSON."""
        return orjson.dumps(obj, _plain, OPTIONS).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read JSON of our own; bodies go through the strict reader instead."""
        return orjson.loads(s)


def _plain(value: Any) -> str | None:
    if isinstance(value, datetime):
        return rfc3339(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")

"""PostgreSQL array literals: one text a column costs a fraction of psycopg2's adapter a value."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID


def texts(values: Iterable[str | None]) -> str:
    """Write texts, JSON too, as an array literal (PostgreSQL manual, 8.15.2)."""
    return "{" + ",".join(["NULL" if v is None else _quoted(v) for v in values]) + "}"


def words(values: Iterable[object]) -> str:
    """Write ids, numbers or codes of our own, which need no quotes; None is NULL."""
    return "{" + ",".join(["NULL" if v is None else str(v) for v in values]) + "}"


def ids(values: Iterable[UUID]) -> str:
    """Write ids."""
    return "{" + ",".join(map(str, values)) + "}"


def times(values: Iterable[datetime | None]) -> str:
    """Write times."""
    return "{" + ",".join(["NULL" if v is None else v.isoformat() for v in values]) + "}"


def _quoted(text: str) -> str:
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    return '"' + text.replace('"', '\\"') + '"'

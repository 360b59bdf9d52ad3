"""The time, always aware and in UTC, and ids that sort by it."""

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7


def now() -> datetime:
    """Give this machine's time; what is stored or decided on uses the database's instead."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """Make a UUIDv7 (RFC 9562): ids sort by creation."""
    return uuid7()


def rfc3339(at: datetime | None) -> str | None:
    """Write a time as RFC 3339 in UTC with `Z`."""
    if at is None:
        return None
    text = at.isoformat(timespec="microseconds")
    if not text.endswith("+00:00"):
        text = at.astimezone(UTC).isoformat(timespec="microseconds")
    return text[:-6] + "Z"

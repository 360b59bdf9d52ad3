"""What the address of a list says: filters, place in the list; and those that differ in one of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from werkzeug.datastructures import MultiDict

from app.clock import now, rfc3339
from app.schemas.execution_lists import read_filters
from app.states import Status
from app.store.execution_filters import Filters

ROWS = 50
PERIODS: dict[str, tuple[str, timedelta]] = {
    "15m": ("Last 15 minutes", timedelta(minutes=15)),
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}
TIMES = ("within", "createdAfter", "createdBefore")
SINGLE = ("workflowId", "triggeredBy", "scheduleId", "webhookId", "retryOf", *TIMES, "tag", "q")
Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What one list shows: `given` as its address says it, `sent` as the API takes the same filters.

    `after` is the row that a page of newer ones is wanted for. With `faults` there is nothing to show.
    """

    path: str
    given: Given
    sent: Given
    filters: Filters
    cursor: str | None
    after: UUID | None
    faults: tuple[str, ...] = ()

    @property
    def is_first(self) -> bool:
        """Tell whether this is the newest page."""
        return self.cursor is None and self.after is None

    @property
    def statuses(self) -> list[str]:
        """List the chosen statuses."""
        chosen: list[str] = self.given.get("status", [])
        return chosen

    def link(self, **changes: Any) -> str:
        """Give the first page with some filters changed; None and [] take one away."""
        kept = {name: value for name, value in {**self.given, **changes}.items() if value}
        return f"{self.path}?{urlencode(kept, doseq=True)}" if kept else self.path

    def without_times(self, **changes: Any) -> str:
        """Give the first page with another time, or with any."""
        return self.link(**{**dict.fromkeys(TIMES), **changes})

    def page(self, **place: str) -> str:
        """Give another page of this very list: a period begins where it began on this page."""
        fixed = {"createdAfter": self.sent.get("createdAfter")}
        return self.link(**fixed, **place)

    def toggled(self, status: str) -> str:
        """Give the first page with a status added or taken away."""
        chosen = self.statuses
        others = [other for other in chosen if other != status]
        return self.link(status=others if status in chosen else [*chosen, status])


def parse(path: str, args: "MultiDict[str, str]") -> ListQuery:
    """Read an address; what it says wrongly is told in `faults`, what it says beside is left out."""
    given = _given(args)
    sent = _sent(given)
    cursor, after = args.get("cursor") or None, _uuid(args.get("after"))
    filters, faults = read_filters(sent)
    if faults:
        return ListQuery(path, given, sent, filters, None, None, faults)
    return ListQuery(path, given, sent, filters, cursor, after)


def _given(args: "MultiDict[str, str]") -> dict[str, Any]:
    """Take what is known and not empty; statuses in their own order, unknown ones last."""
    words = {word.strip() for text in args.getlist("status") for word in text.split(",")} - {""}
    order = [status.value for status in Status]
    known = [word for word in order if word in words] + sorted(words - set(order))
    found = {name: (args.get(name) or "").strip() for name in SINGLE}
    if found["within"] not in PERIODS:
        found.pop("within")
    return ({"status": known} if known else {}) | {name: value for name, value in found.items() if value}


def _sent(given: Given) -> dict[str, Any]:
    """Write the filters as the API takes them: a period becomes the time that it began."""
    sent = {name: value for name, value in given.items() if name != "within"}
    if "within" in given and "createdAfter" not in sent:
        sent["createdAfter"] = rfc3339(now() - PERIODS[given["within"]][1])
    return sent


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None

"""The chips above a list: each filter that is set, in words, with the address without it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from app.errors import NotFound
from app.services import schedules, webhooks
from app.services.scope import Scope
from app.web.list_query import PERIODS, ListQuery
from app.web.wording import STATUSES, TRIGGERS, short_id


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter; `at` is a time to be shown in the reader's zone instead of `text`."""

    key: str
    text: str
    without: str
    at: str | None = None


def chips(scope: Scope, query: ListQuery, workflows: Sequence[Row[Any]]) -> list[Chip]:
    """List the filters that are set."""
    names = {str(workflow.id): workflow.name for workflow in workflows}
    return [*_statuses(query), *_whats(scope, query, names), *_times(query)]


def _statuses(query: ListQuery) -> Iterator[Chip]:
    for status in query.statuses:
        yield Chip("Status", STATUSES.get(status, {"label": status})["label"], query.toggled(status))


def _whats(scope: Scope, query: ListQuery, names: dict[str, str]) -> Iterator[Chip]:
    texts: dict[str, tuple[str, Callable[[str], str]]] = {
        "workflowId": ("Workflow", lambda text: names.get(text.lower(), short_id(text))),
        "triggeredBy": ("Trigger", lambda text: TRIGGERS.get(text, {"label": text})["label"]),
        "scheduleId": ("Schedule", lambda text: _name_of_schedule(scope, text)),
        "webhookId": ("Webhook", lambda text: _name_of_webhook(scope, text)),
        "retryOf": ("Retries of", short_id),
        "tag": ("Tag", str),
        "q": ("Search", str),
    }
    for name, (key, write) in texts.items():
        if name in query.given:
            yield Chip(key, write(query.given[name]), query.link(**{name: None}))


def _times(query: ListQuery) -> Iterator[Chip]:
    given = query.given
    if "within" in given:
        yield Chip("Created", PERIODS[given["within"]][0], query.link(within=None, createdAfter=None))
    for name, key in (("createdAfter", "From"), ("createdBefore", "Before")):
        if name in given and not (name == "createdAfter" and "within" in given):
            at = None if query.faults else given[name]
            yield Chip(key, given[name], query.link(**{name: None}), at)


def _name_of_schedule(scope: Scope, text: str) -> str:
    try:
        return schedules.show(scope, UUID(text)).name
    except (NotFound, ValueError):
        return short_id(text)


def _name_of_webhook(scope: Scope, text: str) -> str:
    try:
        return str(webhooks.show(scope, UUID(text))["name"])
    except (NotFound, ValueError):
        return short_id(text)

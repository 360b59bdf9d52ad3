"""What callers may say when they open a stream."""

from typing import Any

from marshmallow import fields, post_load

from app.schemas.base import In
from app.schemas.executions import FiltersIn
from app.states import Status, TriggeredBy
from app.store.execution_filters import Filters


def _last_event_id() -> fields.String:
    note = "The same as the header `Last-Event-ID`, for clients that cannot set it."
    return fields.String(load_default=None, metadata={"description": note})


class ExecutionStreamQuery(In):
    """Where to go on."""

    error_messages = {"unknown": "There is no such parameter: take it out."}  # noqa: RUF012

    last_event_id = _last_event_id()


class StreamQuery(FiltersIn):
    """Which executions to tell of: those that fit when they change."""

    class Meta(In.Meta):
        exclude = ("created_after", "created_before", "q")

    error_messages = {"unknown": "There is no such parameter: take it out."}  # noqa: RUF012

    last_event_id = _last_event_id()

    @post_load
    def _load(self, data: dict[str, Any], **_: Any) -> tuple[Filters, str | None]:
        resume = data.pop("last_event_id")
        statuses = frozenset(Status(word) for word in data.pop("status"))
        source = data.pop("triggered_by")
        filters = Filters(statuses=statuses, triggered_by=TriggeredBy(source) if source else None, **data)
        return filters, resume

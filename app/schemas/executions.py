"""What callers send about executions: triggers, batches, cancels, and the filters of lists."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from marshmallow import ValidationError, fields, post_load
from marshmallow.validate import Length, OneOf, Regexp

from app import strictjson
from app.schemas.base import In
from app.schemas.fields import CommaList, Instant, Text
from app.schemas.paging import PageQuery
from app.services.executions import fingerprint
from app.services.orders import TriggerRequest
from app.services.retries import START, RetryOptions
from app.states import Status, TriggeredBy
from app.store.execution_filters import LEAST_ERROR_CHARACTERS, Filters, id_range

Json = Any
MOST_BATCHED = 1000
MOST_TAGS = 20
MOST_TAG_CHARACTERS = 64
MOST_INPUT = 1024 * 1024
MOST_BATCH_BODY = 10 * 1024 * 1024
MOST_TEXT = 1000
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
IDEMPOTENCY_KEY = re.compile(r"[\x20-\x7e]{1,255}")
KEY_RULE = "Must have 1 to 255 characters, all printable ASCII."


@dataclass(frozen=True, slots=True)
class Triggers:
    """Executions to start, in order; `body` is what their idempotency `key` stands for."""

    members: tuple[dict[str, Any], ...]
    key: str | None
    body: Json

    def requests(self, default: TriggeredBy) -> tuple[TriggerRequest, ...]:
        """Give the requests; those that do not say who triggers count as `default`."""
        return tuple(_request(member, default) for member in self.members)


def _request(member: dict[str, Any], default: TriggeredBy) -> TriggerRequest:
    return TriggerRequest(
        workflow_id=member["workflow_id"],
        input=member["input"],
        triggered_by=TriggeredBy(member["triggered_by"] or default),
        tags=tuple(dict.fromkeys(member["tags"])),
        run_at=member["run_at"],
        key=member.get("key"),
        fingerprint=fingerprint(member.get("key"), member.get("body")),
    )


@dataclass(frozen=True, slots=True)
class Retry:
    """A retry; `body` is what its idempotency `key` stands for."""

    options: RetryOptions
    key: str | None
    body: Json


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which page of which list."""

    filters: Filters
    limit: int
    cursor: str | None


class Id(fields.UUID):
    """An id as it is written in answers."""

    default_error_messages = {  # noqa: RUF012 (as its base declares it)
        "required": "Is missing: give an id.",
        "null": "Must be an id, not null.",
        "invalid_uuid": "Must be an id such as 01a203fc-6170-7947-82ba-8a19c79c87c6.",
    }

    def _validated(self, value: Any) -> UUID:
        if not isinstance(value, str) or not ID.fullmatch(value):
            raise self.make_error("invalid_uuid")
        return UUID(value)


class Tag(Text):
    """A word to find executions by."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        tag = super()._deserialize(value, attr, data, **kwargs)
        if not 1 <= len(tag) <= MOST_TAG_CHARACTERS:
            raise ValidationError(f"Must have 1 to {MOST_TAG_CHARACTERS} characters.")
        return tag


def _fits(value: Json) -> None:
    if len(strictjson.dumps(value)) > MOST_INPUT:
        raise ValidationError("May have at most 1 MiB as JSON: store it elsewhere and send its address.")


_SOURCES = OneOf([TriggeredBy.MANUAL, TriggeredBy.API], error="Must be one of {choices}.")


def _key(note: str) -> Text:
    valid = Regexp(re.compile(IDEMPOTENCY_KEY.pattern + r"\Z"), error=KEY_RULE)
    return Text(load_default=None, validate=valid, metadata={"description": note})


class BatchedTriggerIn(In):
    """One execution to start, in a batch."""

    workflow_id = Id(required=True)
    input = fields.Raw(
        load_default=dict,
        allow_none=True,
        validate=_fits,
        metadata={"description": "Any JSON value, at most 1 MiB; left out it is `{}`."},
    )
    triggered_by = Text(
        load_default=None,
        validate=_SOURCES,
        metadata={"description": "Left out: `api` with a key, `manual` in a browser session."},
    )
    tags = fields.List(
        Tag(),
        load_default=list,
        validate=Length(max=MOST_TAGS, error="May have at most {max} tags."),
        error_messages={"invalid": "Must be a list of texts.", "null": "Must be a list of texts, not null."},
    )
    run_at = Instant(
        load_default=None,
        allow_none=True,
        metadata={"description": "When to start, with an offset; a time in the past is now."},
    )


class TriggerIn(BatchedTriggerIn):
    """One execution to start."""

    idempotency_key = _key("The same as the header `Idempotency-Key`.")

    @post_load(pass_original=True)
    def _load(self, data: dict[str, Any], original: Json, **_: Any) -> Triggers:
        key = data.pop("idempotency_key")
        return Triggers((data,), key, _without_key(original))


class MemberIn(BatchedTriggerIn):
    """One execution of a batch; a key of its own is the one that a single trigger would have."""

    idempotency_key = _key("For this execution alone, the same as on a single trigger.")


class BatchIn(In):
    """Executions to start, all or none."""

    max_body: ClassVar[int] = MOST_BATCH_BODY

    executions = fields.List(
        fields.Nested(MemberIn),
        required=True,
        validate=Length(1, MOST_BATCHED, error="Must have {min} to {max} members."),
        error_messages={
            "required": "Is missing: give a list of 1 to 1000 triggers.",
            "invalid": "Must be a list.",
        },
    )
    idempotency_key = _key("The same as the header `Idempotency-Key`; it stands for the whole batch.")

    @post_load(pass_original=True)
    def _load(self, data: dict[str, Any], original: Json, **_: Any) -> Triggers:
        members = tuple(
            member | {"key": member.pop("idempotency_key"), "body": _without_key(body)}
            for member, body in zip(data["executions"], original["executions"], strict=True)
        )
        return Triggers(members, data["idempotency_key"], _without_key(original))


class CancelIn(In):
    """Why an execution is cancelled."""

    body_optional: ClassVar[bool] = True

    reason = Text(
        load_default=None,
        allow_none=True,
        validate=Length(1, MOST_TEXT, error="Must have {min} to {max} characters."),
        metadata={"description": "A sentence for people, kept as the execution's `error`."},
    )


class RetryIn(In):
    """Where a retry begins, and with what."""

    body_optional: ClassVar[bool] = True

    begin = Text(
        data_key="from",
        load_default=START,
        metadata={"description": "`start`, `failed` (all failed steps) or the id of a step."},
    )
    input = fields.Raw(
        allow_none=True, validate=_fits, metadata={"description": "Left out: the same as before."}
    )
    version = Text(
        load_default="same",
        validate=OneOf(["same", "latest"], error="Must be one of {choices}."),
        metadata={"description": "Of the workflow: that of before, or its current one."},
    )
    idempotency_key = _key("The same as the header `Idempotency-Key`.")

    @post_load(pass_original=True)
    def _load(self, data: dict[str, Any], original: Json, **_: Any) -> Retry:
        options = RetryOptions(data["begin"], data.get("input"), "input" in data, data["version"] == "latest")
        return Retry(options, data["idempotency_key"], _without_key(original))


class SignalIn(In):
    """What a step waits for."""

    body_optional: ClassVar[bool] = True

    payload = fields.Raw(
        load_default=None,
        allow_none=True,
        metadata={"description": "Any JSON value, the step's output; left out it is null."},
    )


class FiltersIn(In):
    """The filters of lists of executions."""

    status = CommaList(
        fields.String(validate=OneOf(list(Status), error="Must be one of {choices}.")),
        load_default=list,
        metadata={"description": "Repeatable, or a comma list."},
    )
    workflow_id = Id(load_default=None)
    triggered_by = fields.String(
        load_default=None, validate=OneOf(list(TriggeredBy), error="Must be one of {choices}.")
    )
    schedule_id = Id(load_default=None)
    webhook_id = Id(load_default=None)
    retry_of = Id(load_default=None)
    created_after = Instant(load_default=None, metadata={"description": "Inclusive: created then or later."})
    created_before = Instant(load_default=None, metadata={"description": "Exclusive: created earlier."})
    tag = Tag(load_default=None)
    q = Text(
        load_default=None,
        validate=Length(1, 200, error="Must have {min} to {max} characters."),
        metadata={"description": "An id, the beginning of one, or at least 3 characters of an error."},
    )


class ExecutionsQuery(PageQuery, FiltersIn):
    """Which executions to list."""

    @post_load
    def _load(self, data: dict[str, Any], **_: Any) -> ListQuery:
        limit, cursor = data.pop("limit"), data.pop("cursor")
        return ListQuery(filters_of(data), limit, cursor)


def filters_of(data: dict[str, Any]) -> Filters:
    """Make filters of the loaded fields; raises ValidationError for a `q` that can find nothing."""
    statuses = frozenset(Status(word) for word in data.pop("status"))
    source = data.pop("triggered_by")
    q = data["q"]
    if q is not None and len(q) < LEAST_ERROR_CHARACTERS and not id_range(q):
        raise ValidationError("Must be the beginning of an id, or at least 3 characters of an error.", "q")
    return Filters(statuses=statuses, triggered_by=TriggeredBy(source) if source else None, **data)


def _without_key(body: dict[str, Json]) -> Json:
    return {name: value for name, value in body.items() if name != "idempotencyKey"}

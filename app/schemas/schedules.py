"""Schedules as they are sent and shown."""

from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.validate import OneOf, Range

from app import strictjson
from app.schemas.base import In, Out
from app.schemas.executions import MOST_INPUT, Id
from app.schemas.fields import Boolean, Instant, Integer, Name, Text
from app.schemas.paging import page_of
from app.services.cron import BadCron, BadZone, parse, zone
from app.services.due import CatchUp
from app.services.rounds import FireReason, Overlap

MOST_PREVIEWED = 100
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2500, 1, 1, tzinfo=UTC)


class Cron(Text):
    """A cron pattern that fires at some time."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        cron = super()._deserialize(value, attr, data, **kwargs).strip()
        try:
            parse(cron, "UTC")
        except BadCron as error:
            raise ValidationError(str(error)) from error
        return cron


class TimeZone(Text):
    """The IANA name of a time zone."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        try:
            zone(name)
        except BadZone as error:
            raise ValidationError(str(error)) from error
        return name


def _fits(value: Any) -> None:
    if len(strictjson.dumps(value)) > MOST_INPUT:
        raise ValidationError("May have at most 1 MiB as JSON: store it elsewhere and send its address.")


def _input(**options: Any) -> fields.Raw:
    note = "Any JSON value, at most 1 MiB: the input of each execution."
    return fields.Raw(allow_none=True, validate=_fits, metadata={"description": note}, **options)


def _choice(kind: type[Overlap] | type[CatchUp], **options: Any) -> Text:
    return Text(
        validate=OneOf([choice.value for choice in kind], error="Must be one of {choices}."), **options
    )


def _cron(**options: Any) -> Cron:
    note = "5 fields, or 6 with seconds first, or a name such as @daily."
    return Cron(metadata={"description": note, "examples": ["0 9 * * 1-5"]}, **options)


def _timezone(**options: Any) -> TimeZone:
    return TimeZone(metadata={"description": "An IANA name.", "examples": ["Europe/Berlin"]}, **options)


class ScheduleIn(In):
    """A whole schedule."""

    name = Name(required=True)
    workflow_id = Id(required=True)
    cron = _cron(required=True)
    timezone = _timezone(load_default="UTC")
    input = _input(load_default=dict)
    enabled = Boolean(load_default=True)
    overlap = _choice(Overlap, load_default=Overlap.ALLOW.value)
    catch_up = _choice(CatchUp, load_default=CatchUp.ONE.value)


class ScheduleChanges(In):
    """What of a schedule may change."""

    name = Name()
    workflow_id = Id()
    cron = _cron()
    timezone = _timezone()
    input = _input()
    enabled = Boolean()
    overlap = _choice(Overlap)
    catch_up = _choice(CatchUp)


class PreviewIn(In):
    """A pattern to look at."""

    cron = _cron(required=True)
    timezone = _timezone(load_default="UTC")
    count = Integer(load_default=5, validate=Range(1, MOST_PREVIEWED, error="Must be from {min} to {max}."))
    after = Instant(
        load_default=None,
        validate=Range(EARLIEST, LATEST, error="Must be from 1970 to 2500."),
        metadata={"description": "By default now."},
    )


class ScheduleOut(Out):
    """When a workflow starts by the clock."""

    id = fields.UUID(required=True)
    workspace_id = fields.UUID(required=True)
    space_id = fields.UUID(required=True)
    workflow_id = fields.UUID(required=True)
    name = fields.String(required=True)
    cron = fields.String(required=True)
    timezone = fields.String(required=True)
    input = fields.Raw(required=True, allow_none=True)
    enabled = fields.Boolean(required=True)
    overlap = fields.String(required=True, validate=OneOf([*Overlap]))
    catch_up = fields.String(required=True, validate=OneOf([*CatchUp]))
    next_fire_at = Instant(
        required=True, allow_none=True, metadata={"description": "Null while it is disabled or broken."}
    )
    last_fired_at = Instant(required=True, allow_none=True)
    created_at = Instant(required=True)
    upcoming = fields.List(
        Instant(), required=True, metadata={"description": "The next 5 instants; none while disabled."}
    )


class FireOut(Out):
    """What became of one instant, or of those missed in one outage."""

    scheduled_for = Instant(required=True)
    until = Instant(
        required=True, allow_none=True, metadata={"description": "The last of several missed ones."}
    )
    count = fields.Integer(required=True)
    fired_at = Instant(required=True, allow_none=True)
    outcome = fields.String(required=True, validate=OneOf(["fired", "skipped", "missed"]))
    reason = fields.String(required=True, allow_none=True, validate=OneOf([*FireReason, None]))
    execution_id = fields.UUID(required=True, allow_none=True)


class PreviewedOut(Out):
    """One instant, and what clocks in the zone show then."""

    at = Instant(required=True)
    local = fields.String(required=True)
    offset = fields.String(required=True)


class PreviewOut(Out):
    """The next instants of a pattern."""

    data = fields.List(fields.Nested(PreviewedOut), required=True)


SchedulePage = page_of(ScheduleOut)
FirePage = page_of(FireOut)

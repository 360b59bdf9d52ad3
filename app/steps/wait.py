"""The step type `wait`: some seconds, or until a moment."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Range

from app.steps.base import Call, Failed, Outcome, Wait, step
from app.steps.definition import MOST_SECONDS
from app.steps.fields import Expressible, Number, StepArgs, wants

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


class Moment(Expressible, fields.Field[datetime]):
    """A time as RFC 3339 with an offset."""

    default_error_messages = wants("a time such as 2030-01-31T12:00:00Z")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or not _RFC3339.fullmatch(value):
            raise self.make_error("invalid")
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValidationError("There is no such time: look at the day and the hour.") from None


class WaitStep(StepArgs):
    """What a `wait` step takes; that `until` is at most a year off is known only when it runs."""

    seconds = Number(
        validate=Range(
            0, MOST_SECONDS, min_inclusive=False, error="Must be more than 0 and at most {max} (365 days)."
        )
    )
    until = Moment()

    @validates_schema
    def _one(self, data: Mapping[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ValidationError("Give either seconds or until.")


@step("wait", schema=WaitStep, effect=True, timeout=10)
async def wait(call: Call) -> Outcome:
    """Wait; no slot is held meanwhile."""
    if "seconds" in call.args:
        return Wait(call.now() + timedelta(seconds=call.args["seconds"]))
    until: datetime = call.args["until"]
    if until - call.now() > timedelta(seconds=MOST_SECONDS):
        return Failed("until is more than 365 days away")
    return Wait(until)

"""The structure of a workflow definition: its fields, limits and defaults, in one place."""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.validate import Length, OneOf, Range

from app.steps.fields import (
    Anything,
    Boolean,
    Expressible,
    Integer,
    List,
    Number,
    Object,
    Part,
    StepArgs,
    Text,
    wants,
)

MOST_STEPS = 200
MOST_BYTES = 256 * 1024
MOST_SECONDS = 365 * 24 * 3600
STEP_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}", re.ASCII)
RESERVED_IDS = frozenset({"__proto__", "constructor", "prototype"})
EXAMPLE = '{"steps": [{"id": "one", "type": "transform", "with": {"value": 1}}]}.'
ON_ERROR = ("fail", "continue")
RUN_ON = ("success", "failure", "always")


def step_id(value: str) -> None:
    """Raise ValidationError for what cannot be the id of a step."""
    if STEP_ID.fullmatch(value) is None:
        raise ValidationError("Must be a letter or _ and then letters, digits and _, at most 63 in all.")
    if value in RESERVED_IDS:
        raise ValidationError("This name is reserved: choose another.")


def between(least: float, most: float) -> Range:
    """Return a validator for a number from `least` to `most`."""
    return Range(least, most, error="Must be from {min} to {max}.")


def one_of(*words: str) -> OneOf:
    """Return a validator for one of a few words."""
    return OneOf(words, error="Must be one of {choices}.")


def seconds() -> "Seconds":
    """Return a field for a timeout: more than none, at most a year."""
    error = f"Must be more than 0 and at most {MOST_SECONDS}."
    return Seconds(
        data_key="timeoutSeconds", validate=Range(0, MOST_SECONDS, min_inclusive=False, error=error)
    )


class Seconds(Number):
    """A number of seconds, written out."""

    default_error_messages = wants("a number of seconds, such as 30")


class Ids(List):
    """Ids of steps."""

    default_error_messages = wants('a list of the ids of steps, such as ["fetch"]')

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        """Take texts as they are: two hundred steps may name twenty thousand."""
        if isinstance(value, list) and all(type(one) is str for one in value):
            return list(value)
        return super()._deserialize(value, attr, data, **kwargs)


class Condition(Text):
    """An expression as text."""

    default_error_messages = wants('an expression in a text, as in "${{ input.total > 100 }}"')


class Items(Text):
    """An expression that gives a list, as text."""

    default_error_messages = wants(
        'an expression in a text that gives a list, as in "${{ input.orders }}" or "${{ [1, 2, 3] }}"'
    )


class JsonSchema(fields.Field[Mapping[str, Any] | bool]):
    """A JSON Schema: an object, true or false."""

    default_error_messages = wants("a JSON Schema: an object, true or false")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict | bool):
            raise self.make_error("invalid")
        return value


class WorkflowId(Expressible, fields.UUID):
    """The id of a workflow."""

    default_error_messages = wants("the id of a workflow") | {
        "invalid_uuid": "Must be the id of a workflow, not its name."
    }


class RetrySchema(StepArgs):
    """How often and when a failed attempt is tried again."""

    error_messages = StepArgs.error_messages | {"type": 'Must be an object, such as {"attempts": 3}.'}

    attempts = Integer(load_default=3, validate=between(1, 20))
    backoff_seconds = Number(data_key="backoffSeconds", load_default=1.0, validate=between(0, 86_400))
    factor = Number(load_default=2.0, validate=between(1, 100))
    max_backoff_seconds = Number(
        data_key="maxBackoffSeconds", load_default=300.0, validate=between(0, 86_400)
    )
    jitter = Boolean(load_default=True)


class StepSchema(StepArgs):
    """One step; what its `with` takes is the business of its type."""

    error_messages = StepArgs.error_messages | {"type": "Must be an object with id and type."}

    id = Text(
        required=True,
        validate=step_id,
        error_messages={"required": "Is missing: give the step a name that no other has, such as fetch."},
    )
    type = Text(
        required=True,
        validate=Length(1, 63, error="Must have from 1 to 63 characters."),
        error_messages={"required": "Is missing: give the type of the step, such as http or transform."},
    )
    name = Text(validate=Length(max=200, error="Must have at most 200 characters."))
    args = Object(data_key="with", keys=fields.String(), load_default=dict)
    needs = Ids(Text())
    condition = Condition(data_key="if")
    for_each = Items(data_key="forEach")
    for_each_concurrency = Integer(data_key="forEachConcurrency", load_default=10, validate=between(1, 1000))
    retry = Part(RetrySchema)
    timeout_seconds = seconds()
    on_error = Text(data_key="onError", load_default="fail", validate=one_of(*ON_ERROR))
    run_on = Text(data_key="runOn", load_default="success", validate=one_of(*RUN_ON))


class OnFailureSchema(StepArgs):
    """The workflow that is started when an execution failed."""

    error_messages = StepArgs.error_messages | {"type": 'Must be an object: {"workflowId": …}.'}

    workflow_id = WorkflowId(data_key="workflowId", required=True)


class DefinitionSchema(StepArgs):
    """A workflow definition."""

    error_messages = StepArgs.error_messages | {"type": "Must be an object with steps: " + EXAMPLE}

    steps = List(
        Part(StepSchema),
        required=True,
        validate=Length(1, MOST_STEPS, error=f"A workflow has from 1 to {MOST_STEPS} steps."),
        error_messages={
            "required": "Is missing: give the list of steps.",
            "invalid": "Must be a list of steps, each with id and type.",
            "null": "Must be a list of steps, not null.",
        },
    )
    output = Anything(allow_none=True)
    timeout_seconds = seconds()
    input_schema = JsonSchema(data_key="inputSchema")
    on_failure = Part(OnFailureSchema, data_key="onFailure")

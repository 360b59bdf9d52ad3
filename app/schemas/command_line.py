"""What the command line takes, held to the rules of the API's fields."""

from typing import Any

from marshmallow import ValidationError, fields

from app import strictjson
from app.errors import Fault, LineaError, MalformedJson, ValidationFailed
from app.schemas.executions import BatchedTriggerIn, CancelIn
from app.schemas.fields import Name


def name(text: str) -> str:
    """Check a name for people; raise ValidationFailed."""
    return str(_checked("name", Name(), text))


def cancel_reason(text: str | None) -> str | None:
    """Check the sentence that a cancel keeps; raise ValidationFailed."""
    return None if text is None else str(_checked("reason", CancelIn().fields["reason"], text))


def execution_input(raw: bytes) -> Any:
    """Read the input of an execution; raise MalformedJson, ValidationFailed."""
    return _checked("input", BatchedTriggerIn().fields["input"], read_json(raw, "The input"))


def read_json(raw: bytes, what: str) -> Any:
    """Read JSON as the API reads a body; refusals (MalformedJson, ValidationFailed) name it `what`."""
    try:
        return strictjson.loads(raw)
    except (MalformedJson, ValidationFailed) as error:
        kind: type[LineaError] = type(error)
        raise kind(error.detail.replace("The body", what, 1), faults=error.faults) from error


def _checked(path: str, field: "fields.Field[Any]", value: Any) -> Any:
    try:
        return field.deserialize(value)
    except ValidationError as error:
        message = str(error.messages[0])
        raise ValidationFailed(f"{path}: {message}", faults=[Fault(path, message)]) from error

"""Says what keeps a value from fitting a JSON Schema: jsonschema's sentences, with values as JSON."""

from typing import Any

from jsonschema import ValidationError
from jsonschema.exceptions import best_match

from app import strictjson
from app.strictjson_fault import path_text

Json = Any

_MOST_SHOWN = 80
_LONGEST = 300
NOTHING = "Nothing may stand here: its schema is false."
_CHOICES = ("anyOf", "oneOf")


def said(error: ValidationError) -> str:
    """Return a sentence for one violation; it shows at most some 300 characters."""
    if not error.validator:
        return NOTHING
    if error.validator in _CHOICES and error.context:
        return _closest(error)
    message = error.message
    for value in (error.instance, error.validator_value):
        message = message.replace(repr(value), _shown(value))
    return message if len(message) <= _LONGEST else message[:_LONGEST] + "…"


def _closest(error: ValidationError) -> str:
    """Name what is wrong by the alternative that fits best."""
    message = f"{_shown(error.instance)} fits none of the schemas in {error.validator}"
    nearest = best_match([error])
    if nearest is None or nearest is error:
        return message
    place = path_text([*nearest.absolute_path][len(error.absolute_path) :])
    return f"{message}; the nearest: {place + ': ' if place else ''}{said(nearest)}"[:_LONGEST]


def _shown(value: Json) -> str:
    text = strictjson.dumps(value).decode()
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"

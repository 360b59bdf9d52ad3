"""How values and sentences become what the database takes."""

from typing import Any

import orjson

from app.steps.secrets import SecretText, masked

Json = Any
MAX_OUTPUT_BYTES = 5 * 1024 * 1024
MAX_SENTENCE = 4000


class Unstorable(Exception):
    """A value cannot be recorded as JSON; the message says why."""


def stored(value: Json) -> str:
    """Write a value as the JSON text that its column takes; raises Unstorable."""
    try:
        text = orjson.dumps(value, default=_placeholder, option=orjson.OPT_PASSTHROUGH_DATACLASS)
    except (orjson.JSONEncodeError, UnicodeEncodeError, RecursionError) as error:
        raise Unstorable(f"The value cannot be written as JSON: {error}") from error
    if b"\\u0000" in text and "\\u0000" in text.decode().replace("\\\\", ""):
        raise Unstorable("The value holds the character NUL (U+0000), which cannot be stored")
    return text.decode()


def stored_output(value: Json) -> str:
    """Write a step's output; raises Unstorable also when it is over the limit."""
    text = stored(value)
    if len(text) > MAX_OUTPUT_BYTES // 4 and len(text.encode()) > MAX_OUTPUT_BYTES:
        raise Unstorable("The output is larger than 5 MiB: make the step return less")
    return text


def sentence(text: str) -> str:
    """Make an error text fit for the database, and no longer than a person reads."""
    clean = storable(text)
    return clean if len(clean) <= MAX_SENTENCE else clean[:MAX_SENTENCE] + "…"


def storable(text: str) -> str:
    """Replace the characters of a text that the database does not take."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _placeholder(value: object) -> Json:
    if isinstance(value, SecretText):
        return masked(value)
    raise TypeError(f"{type(value).__name__} is not JSON")

"""Request headers that change what a request does: `Idempotency-Key` and `Prefer`."""

import re

from flask import request

from app.errors import Fault, ValidationFailed
from app.schemas.executions import IDEMPOTENCY_KEY, KEY_RULE

MOST_WAIT_SECONDS = 25


def idempotency_key(in_body: str | None) -> str | None:
    """Give the key of the header or of the body; raise ValidationFailed if it is bad or both differ."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return in_body
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise _refused("Idempotency-Key", KEY_RULE)
    if in_body not in (None, key):
        raise _refused("idempotencyKey", "Differs from the header Idempotency-Key: send one of them.")
    return key


def wait_seconds() -> int | None:
    """Give N of `Prefer: wait=N` (RFC 7240), None without it; other preferences are ignored."""
    preferences = (words.partition(";")[0] for words in request.headers.get("Prefer", "").split(","))
    for name, _, value in (preference.partition("=") for preference in preferences):
        if name.strip().lower() == "wait":
            return _seconds(value.strip().strip('"'))
    return None


def _seconds(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MOST_WAIT_SECONDS:
        raise _refused("Prefer", f"wait must be from 1 to {MOST_WAIT_SECONDS} seconds.")
    return int(text)


def _refused(path: str, message: str) -> ValidationFailed:
    return ValidationFailed(f"{path}: {message}", faults=[Fault(path, message)])

"""Masks the values of secrets in all that an execution stores."""

import base64
import json
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, quote_plus

import orjson

from app.steps.secrets import MASK
from app.strictjson import loads_stored

Json = Any
SHORTEST = 6


class Masker:
    """Replaces secret values, also as base64, URL and JSON forms, by `***`."""

    def __init__(self, secrets: Iterable[str]) -> None:
        values = list(secrets)
        forms = {form for value in values for form in _forms(value)}
        self._forms = sorted(forms, key=len, reverse=True)
        self._signs = forms | {orjson.dumps(form).decode()[1:-1] for form in forms}
        self._in_urls = [_in_url(value) for value in values]

    def __call__(self, text: str) -> str:
        """Give a text without any secret in it."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        if "%" in text:
            for pattern in self._in_urls:
                text = pattern.sub(MASK, text)
        return text

    def json(self, text: str) -> str:
        """Give JSON text whose texts, keys and numbers hold no secret; it stays JSON."""
        if not self._forms or not ("%" in text or any(sign in text for sign in self._signs)):
            return text
        return orjson.dumps(self._deep(loads_stored(text))).decode()

    def _deep(self, value: Json) -> Json:
        match value:
            case str():
                return self(value)
            case dict():
                return {self(key): self._deep(member) for key, member in value.items()}
            case list():
                return [self._deep(member) for member in value]
            case bool() | None:
                return value
            case _:
                digits = str(value)
                return value if self(digits) == digits else MASK


def _forms(value: str) -> set[str]:
    """List the forms in which a value may come back."""
    raw = value.encode()
    forms = {value, quote(value, safe=""), quote(value), quote_plus(value)}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        forms |= {_inside(encode, raw, offset) for offset in range(3)}
    for _ in range(2):
        forms |= {json.dumps(form, ensure_ascii=ascii)[1:-1] for form in forms for ascii in (True, False)}
    return {form for form in forms if len(form) >= SHORTEST}


def _in_url(value: str) -> re.Pattern[str]:
    """Match a value in a URL, whichever of its characters are percent-encoded there."""
    return re.compile("".join(map(_percent, value)))


def _percent(character: str) -> str:
    encoded = "".join(f"%{byte:02X}" for byte in character.encode())
    plain = r"[ +]" if character == " " else re.escape(character)
    return f"(?:{plain}|(?i:{encoded}))"


def _inside(encode: Callable[[bytes], bytes], raw: bytes, offset: int) -> str:
    """Give the base64 characters that only the value decides, where it stands inside a longer text."""
    first = (0, 2, 3)[offset]
    bits = 8 * (offset + len(raw))
    return encode(b"\0" * offset + raw).decode()[first : bits // 6]


NO_SECRETS = Masker(())

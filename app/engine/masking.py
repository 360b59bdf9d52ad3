"""Masks the values of secrets in all that an execution stores."""

import base64
import json
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus

from app.steps.secrets import MASK

SHORTEST = 6


class Masker:
    """Replaces secret values, also as base64, URL and JSON forms, by `***`."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for value in secrets for form in _forms(value)}
        self._forms = sorted(forms, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Give the text without any secret in it; JSON text stays JSON."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text


def _forms(value: str) -> set[str]:
    """List the forms in which a value may come back."""
    raw = value.encode()
    forms = {value, quote(value, safe=""), quote(value), quote_plus(value)}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        forms |= {_inside(encode, raw, offset) for offset in range(3)}
    forms |= {json.dumps(form)[1:-1] for form in forms} | {json.dumps(value, ensure_ascii=False)[1:-1]}
    return {form for form in forms if len(form) >= SHORTEST}


def _inside(encode: Callable[[bytes], bytes], raw: bytes, offset: int) -> str:
    """Give the base64 characters that only the value decides, where it stands inside a longer text."""
    first = (0, 2, 3)[offset]
    bits = 8 * (offset + len(raw))
    return encode(b"\0" * offset + raw).decode()[first : bits // 6]

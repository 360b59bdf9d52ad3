"""Secrets as placeholders: compiled out of the definition's text, filled in only where a request is sent."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

Json = Any
MASK = "***"


@dataclass(frozen=True, slots=True)
class SecretRef:
    """One `${{ secrets.NAME }}`."""

    name: str


@dataclass(frozen=True, slots=True)
class SecretText:
    """A text that holds at least one secret, in its parts from left to right."""

    parts: tuple[str | SecretRef, ...]


class UnknownSecret(Exception):
    """A step names a secret that the workspace does not have; the message is for the user."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no secret named {name} in this workspace.")
        self.name = name


def reveal(value: Json, secrets: Mapping[str, str], encode: Callable[[str], str] | None = None) -> Json:
    """Return `value` with each SecretText replaced by its text; `encode` is for the secret values only.

    Raises UnknownSecret.
    """
    return _replaced(value, lambda text: "".join(_pieces(text, secrets, encode)))


def reveal_url(value: str | SecretText, secrets: Mapping[str, str]) -> str:
    """Return the URL with its secrets in place: as they are in scheme and host, percent-encoded behind them.

    Raises UnknownSecret.
    """
    if isinstance(value, str):
        return value
    url = ""
    for part in value.parts:
        if isinstance(part, str):
            url += part
        elif origin_ends(url):
            url += quote(_value(part, secrets), safe="")
        else:
            url += _value(part, secrets)
    return url


def masked(value: Json) -> Json:
    """Return `value` as it may be stored: each secret is `***`."""
    return _replaced(value, lambda text: "".join(p if isinstance(p, str) else MASK for p in text.parts))


def secret_names(value: Json) -> frozenset[str]:
    """Return the names of all secrets that stand anywhere in `value`."""
    return frozenset(ref.name for ref in _refs(value))


def origin_ends(url: str) -> bool:
    """Tell whether scheme and host of this beginning of a URL can no longer be changed by what follows."""
    return _ORIGIN.match(url) is not None


_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^/?#\\]+[/?#]")


def _refs(value: Json) -> Iterator[SecretRef]:
    parts = getattr(value, "parts", None)
    if isinstance(parts, tuple):
        yield from (part for part in parts if isinstance(part, SecretRef))
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _refs(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _refs(member)


def _replaced(value: Json, text_of: Callable[[SecretText], str]) -> Json:
    if isinstance(value, SecretText):
        return text_of(value)
    if isinstance(value, dict):
        return {key: _replaced(member, text_of) for key, member in value.items()}
    if isinstance(value, list):
        return [_replaced(member, text_of) for member in value]
    return value


def _pieces(
    text: SecretText, secrets: Mapping[str, str], encode: Callable[[str], str] | None
) -> Iterator[str]:
    for part in text.parts:
        if isinstance(part, str):
            yield part
        else:
            value = _value(part, secrets)
            yield encode(value) if encode else value


def _value(ref: SecretRef, secrets: Mapping[str, str]) -> str:
    try:
        return secrets[ref.name]
    except KeyError:
        raise UnknownSecret(ref.name) from None

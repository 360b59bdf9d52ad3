"""The one strict JSON reader, for every body; and how JSON is written, compared and read back."""

import re
from json import JSONDecoder
from math import isfinite
from typing import Any, NoReturn

import orjson

from app.errors import LineaError, MalformedJson
from app.strictjson_fault import first_fault

Json = Any
SAFE_INTEGER = 2**53 - 1

_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NUL_OR_SURROGATE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_LONG_NUMBER = re.compile(rb"[0-9]{16}")


class _Refused(Exception):
    """Something in the text must be refused; where it is, `first_fault` finds."""


def loads(raw: bytes, *, max_depth: int = 64) -> Json:
    """Read a JSON body, or refuse what could not be read back equal in value from the database.

    Raises MalformedJson for what is not JSON, and ValidationFailed with its place for NaN, Infinity,
    overflowing numbers, integers beyond ±(2^53-1), duplicate keys, NUL, lone surrogates and nesting
    deeper than `max_depth`.
    """
    if raw.count(b"[") + raw.count(b"{") > max_depth and _is_deeper(raw, max_depth):
        _refuse(raw, max_depth)
    try:
        value = _DECODER.decode(raw.decode())
    except (ValueError, _Refused):
        _refuse(raw, max_depth)
    if b"\\u" in raw and _NUL_OR_SURROGATE.search(raw) and not _is_storable(value):
        fault = first_fault(raw, max_depth)
        if fault:
            raise fault
    return value


def loads_stored(raw: bytes | str) -> Json:
    """Read JSON that Postgres or JavaScript wrote of an accepted value: a long integer was a float there."""
    data = raw.encode() if isinstance(raw, str) else raw
    return _STORED.decode(data.decode()) if _LONG_NUMBER.search(data) else orjson.loads(data)


def loads_computed(raw: bytes, *, max_depth: int = 64) -> Json:
    """Read what JavaScript computed; a long integer is a double there.

    Raises MalformedJson, and ValidationFailed for NUL, lone surrogates and nesting deeper than `max_depth`.
    """
    if raw.count(b"[") + raw.count(b"{") > max_depth and _is_deeper(raw, max_depth):
        _refuse(raw, max_depth)
    try:
        value = _STORED.decode(raw.decode())
    except ValueError:
        _refuse(raw, max_depth)
    if b"\\u" in raw and _NUL_OR_SURROGATE.search(raw) and not _is_storable(value):
        fault = first_fault(raw, max_depth)
        if fault:
            raise fault
    return value


def dumps(value: Json) -> bytes:
    """Write `value` as compact UTF-8 JSON."""
    return orjson.dumps(value)


def canonical(value: Json) -> bytes:
    """Return the same bytes for values that are equal as JSON, whatever the order of keys; 1 equals 1.0."""
    return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)


def _plain(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= SAFE_INTEGER:
        return int(value)
    if isinstance(value, int) and not -SAFE_INTEGER <= value <= SAFE_INTEGER:
        return float(value)
    return value


def _refuse(raw: bytes, max_depth: int) -> NoReturn:
    fault: LineaError | None = first_fault(raw, max_depth)
    raise fault or MalformedJson("The body is not JSON.")


def _is_storable(value: Json) -> bool:
    """Tell whether no text holds a lone surrogate or, as far as one look can tell, a NUL."""
    try:
        return b"\\u0000" not in orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False


def _is_deeper(raw: bytes, max_depth: int) -> bool:
    """Tell whether brackets nest deeper, by taking the innermost pairs away layer by layer."""
    brackets = _STRINGS.sub(b"", raw).translate(_ONE_KIND, _NOT_BRACKETS)
    for _ in range(max_depth):
        shorter = brackets.replace(b"[]", b"")
        if len(shorter) == len(brackets):
            break
        brackets = shorter
    return bool(brackets)


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refused
    return members


def _integer(text: str) -> int:
    if len(text) > 17:
        raise _Refused
    number = int(text)
    if not -SAFE_INTEGER <= number <= SAFE_INTEGER:
        raise _Refused
    return number


def _float(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise _Refused
    return number


def _constant(_name: str) -> NoReturn:
    raise _Refused


def _stored_integer(text: str) -> int | float:
    return int(text) if len(text) < 16 else _safe(float(text))


def _safe(number: float) -> int | float:
    return int(number) if abs(number) <= SAFE_INTEGER else number


_DECODER = JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
_STORED = JSONDecoder(parse_int=_stored_integer)

"""Plain paths such as `input.items[0].name`, read in Python exactly as JavaScript would read them."""

import re
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring
from typing import Any

from app.engine.inherited import INHERITED, is_method

Json = Any
Key = str | int

_NAME = r"[A-Za-z_$][A-Za-z0-9_$]*"
_TEXT = r"""(?:"[^"\\\n\r]*"|'[^'\\\n\r]*')"""
_MEMBER = rf"\s*\.\s*{_NAME}|\s*\[\s*(?:0|[1-9][0-9]{{0,8}})\s*\]|\s*\[\s*{_TEXT}\s*\]"
_PATH = re.compile(rf"\s*({_NAME})((?:{_MEMBER})*)\s*")
_KEY = re.compile(rf"""\.\s*({_NAME})|\[\s*([0-9]+)\s*\]|\[\s*(?:"([^"]*)"|'([^']*)')\s*\]""")
_LITERAL = re.compile(
    r"""\s*(?:(true)|(false)|(null|undefined)|(-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?)"""
    r"""|"([^"\\\n\r]*)"|'([^'\\\n\r]*)')\s*"""
)

_LONGEST_INDEX = 10


class ExpressionFailed(Exception):
    """An expression gave no value; the message is for the user and names the expression or its path."""


def parse_path(source: str) -> tuple[str, tuple[Key, ...]] | None:
    """Return root and keys of a plain path, or None when only JavaScript can tell what the source means."""
    found = _PATH.fullmatch(source)
    if found is None:
        return None
    keys = tuple(_key(*member.groups()) for member in _KEY.finditer(found[2]))
    if "__proto__" in keys or any(key in INHERITED for key in keys[:-1]):
        return None
    return found[1], keys


def parse_literal(source: str) -> tuple[Json] | None:
    """Return a one-tuple with the value of a literal, or None when the source is none."""
    found = _LITERAL.fullmatch(source)
    if found is None:
        return None
    true, false, null, number, double, single = found.groups()
    if number is not None:
        return (float(number) if "." in number else int(number),)
    if true or false or null:
        return (True if true else False if false else None,)
    return (double if double is not None else single,)


def member(value: Json, key: Key) -> Json:
    """Return what JavaScript gives for `value[key]`; None also for undefined. `value` is not None."""
    if isinstance(value, dict):
        return value.get(str(key))
    if isinstance(value, list):
        return len(value) if key == "length" else _at(value, key)
    return _unit(value, key) if isinstance(value, str) else None


def reader(root: str, keys: tuple[Key, ...]) -> Callable[[Mapping[str, Json]], Json]:
    """Return a function that reads the path from a scope and raises ExpressionFailed where it breaks off."""
    names = tuple(str(key) for key in keys)
    if root == "steps":
        return _step_reader(names[0], reader(names[0], keys[1:]), keys)
    perhaps_method = bool(names) and names[-1] in INHERITED

    def read(scope: Mapping[str, Json]) -> Json:
        value = owner = scope[root]
        for at, name in enumerate(names):
            owner = value
            if type(value) is dict:
                value = value.get(name)
            elif value is None:
                raise ExpressionFailed(broken(root, keys[:at], keys[at]))
            else:
                value = member(value, keys[at])
        if value is None and perhaps_method and is_method(owner, names[-1]):
            raise ExpressionFailed(f"{written(root, keys)} is a function, which JSON cannot hold: call it")
        if type(value) is str and "\ud800" <= value <= "\udfff":
            raise ExpressionFailed("The value is half of a surrogate pair, which cannot be kept.")
        return value

    return read


def _step_reader(
    step_id: str, read: Callable[[Mapping[str, Json]], Json], keys: tuple[Key, ...]
) -> Callable[[Mapping[str, Json]], Json]:
    def read_step(scope: Mapping[str, Json]) -> Json:
        steps = scope["steps"]
        try:
            return read(steps)
        except KeyError:
            raise ExpressionFailed(broken("steps", keys[:1], step_id)) from None
        except ExpressionFailed as error:
            raise ExpressionFailed(f"steps.{error}") from None

    return read_step


def broken(root: str, keys: tuple[Key, ...], missing: Key) -> str:
    """Say that the path holds nothing that could have the member."""
    return f"{written(root, keys)} is null or undefined, so it has no member {missing}"


def written(root: str, keys: tuple[Key, ...]) -> str:
    """Write a path as it would stand in an expression."""
    return root + "".join(
        f".{key}" if isinstance(key, str) and re.fullmatch(_NAME, key) else f"[{text_of([key])[1:-1]}]"
        for key in keys
    )


def truthy(value: Json) -> bool:
    """Tell whether JavaScript takes the value for true: empty objects and lists are."""
    return isinstance(value, dict | list) or bool(value)


def text_of(value: Json) -> str:
    """Write a value inside a text: nothing for null, JSON for objects, numbers as JavaScript prints them."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return _json(value)


def _json(value: Json) -> str:
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, list):
        return "[" + ",".join([_json(item) for item in value]) + "]"
    if isinstance(value, Mapping):
        members = [f"{encode_basestring(key)}:{_json(value[key])}" for key in _ordered(value)]
        return "{" + ",".join(members) + "}"
    if isinstance(value, float):
        return number_text(value)
    return "null" if value is None else str(value).lower()


def number_text(value: float) -> str:
    """Write a double as JavaScript does (ECMA-262, Number::toString)."""
    if value != value or value in (float("inf"), float("-inf")):
        return "null"
    if value == 0:
        return "0"
    digits, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = digits.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)
    significant = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(significant)
    significant = significant.rstrip("0")
    return ("-" if value < 0 else "") + _placed(significant, point)


def _placed(digits: str, point: int) -> str:
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def _ordered(value: Mapping[str, Json]) -> list[str]:
    """Order keys as a JavaScript object does: indexes first, by number."""
    keys = list(value)
    indexes = [key for key in keys if _is_index(key)]
    if not indexes:
        return keys
    return sorted(indexes, key=int) + [key for key in keys if not _is_index(key)]


def _unit(text: str, key: Key) -> Json:
    """Return a UTF-16 code unit of the text, or how many it has; half of a pair may still have members."""
    units = text.encode("utf-16-le", "surrogatepass")
    if key == "length":
        return len(units) // 2
    at = _index(key)
    if at is None or 2 * at >= len(units):
        return None
    return units[2 * at : 2 * at + 2].decode("utf-16-le", "surrogatepass")


def _is_index(key: str) -> bool:
    """Tell whether JavaScript orders the key as a number: 0 to 2^32 - 2 without leading zeros."""
    if not key.isdigit() or not key.isascii() or len(key) > _LONGEST_INDEX:
        return False
    return str(int(key)) == key and int(key) < 2**32 - 1


def _at(items: list[Json], key: Key) -> Json:
    at = _index(key)
    return None if at is None or at >= len(items) else items[at]


def _index(key: Key) -> int | None:
    if isinstance(key, int):
        return key
    return int(key) if _is_index(key) else None


def _key(name: str | None, index: str | None, double: str | None, single: str | None) -> Key:
    if index is not None:
        return int(index)
    return name or double or single or ""

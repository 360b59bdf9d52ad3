"""Finds the first thing in a body that the strict reader refuses, and says where it is."""

import json
import re
from math import isinf
from typing import Any

from app.errors import Fault, LineaError, MalformedJson, ValidationFailed

SAFE_INTEGER = 2**53 - 1

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"((?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_NOT_A_NUMBER = re.compile(r"NaN|-?Infinity")
_WORD = re.compile(r"true|false|null")
_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_LONGEST_PATH = 300


def first_fault(raw: bytes, max_depth: int) -> LineaError | None:
    """Return the error for the first thing wrong in `raw`, or None when nothing is."""
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return MalformedJson("The body starts with a byte order mark; send plain UTF-8.")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return MalformedJson(f"The body is not UTF-8: {_place(raw[: error.start].decode())}.")
    if not text.strip(" \t\n\r"):
        return MalformedJson("The body is empty.")
    try:
        _Scan(text, max_depth).document()
    except LineaError as error:
        return error
    return None


class _Scan:
    """One pass over the text without recursion; `path` holds a key or an index for each open bracket."""

    def __init__(self, text: str, max_depth: int) -> None:
        self.text = text
        self.at = 0
        self.max_depth = max_depth
        self.path: list[str | int] = []
        self.seen: list[set[str]] = []

    def document(self) -> None:
        opened = self.value()
        while self.path:
            opened = self.first_member() if opened else self.next_member()
        self.space()
        if self.at < len(self.text):
            raise self.malformed("there is more after the end of the JSON value")

    def value(self) -> bool:
        """Read one value; True when it is an object or list that was only opened."""
        self.space()
        start = self.text[self.at : self.at + 1]
        if start and start in "[{":
            return self.open(start)
        if start == '"':
            self.check_text(self.string(), "The text")
        elif not (self.match(_WORD) or self.number()):
            raise self.malformed("a JSON value is expected")
        return False

    def open(self, bracket: str) -> bool:
        if len(self.path) >= self.max_depth:
            raise self.refused(f"This is nested deeper than {self.max_depth} levels.")
        self.at += 1
        self.path.append(0 if bracket == "[" else "")
        self.seen.append(set())
        return True

    def first_member(self) -> bool:
        self.space()
        if self.text.startswith("]" if isinstance(self.path[-1], int) else "}", self.at):
            self.close()
            return False
        return self.member()

    def next_member(self) -> bool:
        self.space()
        index = self.path[-1]
        if self.text.startswith(",", self.at):
            self.at += 1
            if isinstance(index, int):
                self.path[-1] = index + 1
            return self.member()
        if not self.text.startswith("]" if isinstance(index, int) else "}", self.at):
            raise self.malformed(f"a comma or {']' if isinstance(index, int) else '}'} is expected")
        self.close()
        return False

    def member(self) -> bool:
        if isinstance(self.path[-1], str):
            self.key()
        return self.value()

    def key(self) -> None:
        self.space()
        if not self.text.startswith('"', self.at):
            raise self.malformed("a key in double quotes is expected")
        key = self.string()
        self.path[-1] = key
        self.check_text(key, "The key")
        if key in self.seen[-1]:
            raise self.refused("This key stands twice in its object.")
        self.seen[-1].add(key)
        self.space()
        if not self.text.startswith(":", self.at):
            raise self.malformed("a colon is expected")
        self.at += 1

    def close(self) -> None:
        self.at += 1
        self.path.pop()
        self.seen.pop()

    def string(self) -> str:
        found = _STRING.match(self.text, self.at)
        if found is None:
            raise self.malformed("this text is not closed, or holds a control character or a bad escape")
        self.at = found.end()
        return str(json.loads(found[0]))

    def check_text(self, text: str, what: str) -> None:
        if "\x00" in text:
            raise self.refused(f"{what} holds a NUL character.")
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise self.refused(f"{what} holds half of a surrogate pair.")

    def number(self) -> bool:
        if self.match(_NOT_A_NUMBER):
            raise self.refused("NaN and Infinity are not JSON.")
        found = self.match(_NUMBER)
        if found is None:
            return False
        if found[1] or found[2]:
            if isinf(float(found[0])):
                raise self.refused("This number is too large for a double.")
        elif len(found[0]) > 17 or abs(int(found[0])) > SAFE_INTEGER:
            raise self.refused("This integer is beyond ±(2^53-1) and would be rounded; send it as a string.")
        return True

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def space(self) -> None:
        found: Any = _SPACE.match(self.text, self.at)
        self.at = found.end()

    def malformed(self, what: str) -> MalformedJson:
        return MalformedJson(f"The body is not JSON: {what}, {_place(self.text[: self.at])}.")

    def refused(self, message: str) -> ValidationFailed:
        fault = Fault(path_text(self.path), message)
        return ValidationFailed("The body holds a value that cannot be kept.", faults=[fault])


def path_text(path: list[str | int]) -> str:
    """Write a path as `input.items[3].name`; the empty text is the whole body."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part)}]"
    return text if len(text) <= _LONGEST_PATH else text[:_LONGEST_PATH] + "…"


def _place(before: str) -> str:
    return f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"

"""Splits a JavaScript source that has passed the syntax check into its tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<space>\s+|//[^\n\r\u2028\u2029]*|/\*.*?\*/)
    | (?P<name>[^\W\d][\w$\u200c\u200d]*|\$[\w$\u200c\u200d]*)
    | (?P<number>0[xXbBoO][0-9a-fA-F_]+n?|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?n?)
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<mark>\?\.(?![0-9])|=>|\.\.\.|\+\+|--|[-+*/%&|^!~?:=.,;<>()\[\]{}`\#])
    """,
    re.VERBOSE | re.DOTALL,
)
_REGEX = re.compile(r"/(?:[^/\\\[\n\r]|\\.|\[(?:[^\]\\\n\r]|\\.)*\])+/\w*")
_TEMPLATE_TEXT = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*", re.DOTALL)
_BEFORE_OPERAND = frozenset(
    ["return", "typeof", "instanceof", "in", "of", "new", "delete", "void", "throw", "case", "do", "else"]
)


class Unreadable(Exception):
    """The source holds something that this reader does not know, such as an escape in a name."""


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is name, number, string, mark, regex or template; `at` where it starts in the source."""

    kind: str
    text: str
    at: int


def tokens_of(source: str) -> list[Token]:
    """Return the tokens without spaces and comments.

    Raises Unreadable.
    """
    return list(_scan(source))


def _scan(source: str) -> Iterator[Token]:
    at, last = 0, Token("mark", "(", 0)
    open_templates: list[int] = []
    while at < len(source):
        token = _next(source, at, last)
        if token.text == "`" or (token.text == "}" and open_templates and open_templates[-1] == 0):
            token = _template(source, token, open_templates)
        elif open_templates and token.text in ("{", "}"):
            open_templates[-1] += 1 if token.text == "{" else -1
        at = token.at + len(token.text)
        if token.kind != "space":
            yield token
            last = token


def _next(source: str, at: int, last: Token) -> Token:
    if source.startswith("/", at) and not source.startswith(("//", "/*"), at) and not _ends_operand(last):
        found = _REGEX.match(source, at)
        kind = "regex"
    else:
        found = _TOKEN.match(source, at)
        kind = found.lastgroup or "" if found else ""
    if found is None:
        raise Unreadable
    return Token(kind, found[0], at)


def _template(source: str, start: Token, open_templates: list[int]) -> Token:
    """Read template text up to its end or its next `${`; a `}` in front goes on with the innermost one."""
    if start.text == "}":
        open_templates.pop()
    found = _TEMPLATE_TEXT.match(source, start.at + 1)
    end = found.end() if found else start.at + 1
    if source.startswith("${", end):
        open_templates.append(0)
        return Token("mark", source[start.at : end + 2], start.at)
    return Token("template", source[start.at : end + 1], start.at)


def _ends_operand(token: Token) -> bool:
    if token.kind == "name":
        return token.text not in _BEFORE_OPERAND
    return token.kind in ("number", "string", "regex", "template") or token.text in (")", "]", "}")

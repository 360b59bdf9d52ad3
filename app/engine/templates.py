"""Takes a text apart into what is written out and its `${{ … }}` expressions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.engine.paths import parse_literal, parse_path
from app.engine.syntax import Syntax, SyntaxFault
from app.steps.secrets import SecretRef

OPENING, CLOSING = "${{", "}}"

_SECRET = re.compile(
    r"""\s*secrets\s*(?:\.\s*([A-Za-z_]\w*)|\[\s*(?:"([^"\\]+)"|'([^'\\]+)')\s*\])\s*""", re.ASCII
)
_MOST_ENDS = 200


@dataclass(frozen=True, slots=True)
class Source:
    """The JavaScript of one expression and where it starts in its text."""

    code: str
    at: int


Part = str | SecretRef | Source


class Unfinished(Exception):
    """An expression in the text is none; the message has line and column."""

    def __init__(self, text: str, at: int, fault: SyntaxFault) -> None:
        super().__init__(f"{place_in(text, at, fault)}: {fault.message}")


def parts_of(text: str, syntax: Syntax) -> tuple[Part, ...]:
    """Return the parts of `text` from left to right.

    An expression ends at the first `}}` up to which the text parses as one expression, so strings and
    objects may hold `}}`.

    Raises Unfinished.
    """
    return tuple(_parts(text, syntax))


def place_in(text: str, at: int, fault: SyntaxFault) -> str:
    """Write where in the whole text a fault of the expression at `at` is."""
    before = text[:at]
    line = before.count("\n") + fault.line
    column = fault.column + (at - before.rfind("\n") - 1 if fault.line == 1 else 0)
    return f"line {line}, column {column}"


def _parts(text: str, syntax: Syntax) -> Iterator[Part]:
    done = 0
    while (start := text.find(OPENING, done)) >= 0:
        if start > done:
            yield text[done:start]
        at = start + len(OPENING)
        end = _end(text, at, syntax)
        yield _part(text[at:end], at)
        done = end + len(CLOSING)
    if done < len(text):
        yield text[done:]


def _part(code: str, at: int) -> Part:
    secret = _SECRET.fullmatch(code)
    return SecretRef(secret[1] or secret[2] or secret[3]) if secret else Source(code, at)


def _end(text: str, at: int, syntax: Syntax) -> int:
    """Return where the expression that starts at `at` ends."""
    first_fault = SyntaxFault("the expression is not closed by }}", 1, 1)
    end = text.find(CLOSING, at)
    for attempt in range(_MOST_ENDS):
        if end < 0:
            break
        code = text[at:end]
        fault = None if parse_path(code) or parse_literal(code) else _fault(code, syntax)
        if fault is None:
            return end
        if attempt == 0:
            first_fault = fault
        end = text.find(CLOSING, end + 1)
    raise Unfinished(text, at, first_fault)


def _fault(code: str, syntax: Syntax) -> SyntaxFault | None:
    return syntax.expression(code) if code.strip() else SyntaxFault("the expression is empty", 1, 1)

"""Checks the names in the body of a `code` step: only what is surely wrong is a fault."""

import re
from dataclasses import dataclass
from itertools import accumulate, pairwise

from app.engine.names import KEYWORDS, ROOTS, Key, is_key, members
from app.engine.nearest import nearest
from app.engine.tokens import Token, Unreadable, tokens_of
from app.errors import Fault

_DECLARING = frozenset({"let", "const", "var", "function", "class", "*"})
# A slash behind one of these may begin a regular expression or divide: only a parser can tell.
_BEFORE_SLASH = frozenset({")", "}", "yield", "await", "++", "--"})
# With one of these, names may come from elsewhere.
_OTHER_SCOPES = frozenset({"class", "globalThis"})
_CHANGED = re.compile(r"\s*(?:=(?![=>])|[-+*/%&|^]=|(?:\*\*|<<|>>>?|&&|\|\||\?\?)=|\+\+|--|(?:in|of)\b)")
_CHANGING = frozenset({"delete", "++", "--", "..."})
_STEP_MEMBERS = frozenset({"output", "status", "error"})
_ITEM = frozenset({"item", "index"})
_MOST_DOUBTS = 50


@dataclass(frozen=True, slots=True)
class Read:
    """A name that the body uses but never declares, with its members; `written` when they may change."""

    token: Token
    keys: tuple[Key, ...]
    written: bool


@dataclass(slots=True)
class Found:
    """What a body names, and what is wrong with that; `references` are the ids of steps that it reads."""

    references: list[str]
    faults: list[Fault]
    warnings: list[Fault]


def check_body(source: str, path: str, roots: frozenset[str], known: frozenset[str]) -> Found:
    """Check the names in a body; `roots` are those in reach, `known` those of any JavaScript."""
    found, reads, names = Found([], [], []), surely_read(source), ROOTS | known | {"console"}
    first = {read.token.text: read for read in reversed(reads)}
    for name, read in first.items():
        place = _place(source, read.token.at)
        if name == "secrets":
            message = "Secrets can only stand in fields of http steps and in args of task steps."
            found.faults.append(Fault(path, f"{place}: {message}"))
        elif name in _ITEM - roots:
            found.faults.append(Fault(path, f"{place}: {name} is only there with forEach."))
        elif name not in names and len(found.warnings) < _MOST_DOUBTS:
            near = nearest(name, names)
            message = f"There is no name {name} here{near}: code has no network, files, modules or timers."
            found.warnings.append(Fault(path, f"{place}: {message}"))
    of_steps = [read for read in reads if read.token.text == "steps"]
    if not any(read.written for read in of_steps):
        for read in of_steps:
            _check_step(read, f"{_place(source, read.token.at)}: ", path, found)
    return found


def _check_step(read: Read, place: str, path: str, found: Found) -> None:
    found.references += map(str, read.keys[:1])
    if len(read.keys) > 1 and read.keys[1] not in _STEP_MEMBERS:
        message = f"A step has output, status and error, but no {read.keys[1]}. What it gave is in output."
        found.warnings.append(Fault(path, place + message))


def _place(source: str, at: int) -> str:
    return f"line {source.count(chr(10), 0, at) + 1}, column {at - source.rfind(chr(10), 0, at)}"


def surely_read(source: str) -> list[Read]:
    """List the reads of names of which every use is a read of a member or a call.

    A name that is used in any other way may be declared there, so nothing is said of it. A source that
    cannot be told apart without a parser gives nothing.
    """
    try:
        tokens = tokens_of(source)
    except Unreadable:
        return []
    if any(token.kind == "name" and token.text in _OTHER_SCOPES for token in tokens) or _unclear(tokens):
        return []
    return _Body(source, tokens).reads()


def _unclear(tokens: list[Token]) -> bool:
    return any(one.text in _BEFORE_SLASH and other.text.startswith("/") for one, other in pairwise(tokens))


class _Body:
    """The tokens of a body, with what its brackets tell."""

    def __init__(self, source: str, tokens: list[Token]) -> None:
        self._source = source
        self._tokens = tokens
        self._closing = _closing(tokens)
        self._in_pattern = self._patterns()

    def reads(self) -> list[Read]:
        uses: dict[str, list[int]] = {}
        for at, token in enumerate(self._tokens):
            if token.kind == "name" and token.text not in KEYWORDS and not is_key(self._tokens, at):
                uses.setdefault(token.text, []).append(at)
        sure = [places for places in uses.values() if all(map(self._is_read, places))]
        return [self._read(at) for places in sure for at in places]

    def _text(self, at: int) -> str:
        return self._tokens[at].text if 0 <= at < len(self._tokens) else ""

    def _is_read(self, at: int) -> bool:
        """Tell whether the name can only be read here: `name.member`, `name[0]` or a call."""
        before, after = self._text(at - 1), self._text(at + 1)
        if before in _DECLARING or (after == "[" and before == ","):
            return False
        if after == "(":
            return self._text(self._closing[at + 1] + 1) not in ("{", "=>")
        return after in (".", "?.", "[")

    def _read(self, at: int) -> Read:
        keys, end = members(self._tokens, at)
        last = self._tokens[end - 1]
        changed = _CHANGED.match(self._source, last.at + len(last.text)) or self._text(at - 1) in _CHANGING
        return Read(self._tokens[at], keys, bool(changed or self._in_pattern[at]))

    def _patterns(self) -> list[int]:
        """Count for each token the groups around it that something may be assigned to, as in `[a] = b`."""
        steps = [0] * (len(self._tokens) + 1)
        for start, end in self._closing.items():
            assigned = self._text(end + 1) in ("=", "of", "in") and self._text(end + 2) != "="
            if assigned and self._text(end) in ("]", "}"):
                steps[start] += 1
                steps[end] -= 1
        return list(accumulate(steps))


def _closing(tokens: list[Token]) -> dict[int, int]:
    """Return for each opening bracket where it is closed."""
    found: dict[int, int] = {}
    open_at: list[int] = []
    for at, token in enumerate(tokens):
        if token.text in ("(", "[", "{"):
            open_at.append(at)
        elif token.text in (")", "]", "}") and open_at:
            found[open_at.pop()] = at
    return found

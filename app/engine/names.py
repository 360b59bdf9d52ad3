"""Finds the names that a JavaScript source uses, so that only what it names is handed to it."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Self

from app.engine.tokens import Token, Unreadable, tokens_of

ROOT_ORDER = ("input", "steps", "execution", "trigger", "item", "index")
ROOTS = frozenset(ROOT_ORDER)

Key = str | int
_KEYWORDS_TEXT = """
    arguments async await break case catch class const continue debugger default delete do else export extends
    false finally for function get if import in instanceof let new null of return set static super switch this
    throw true try typeof undefined var void while with yield
"""
KEYWORDS = frozenset(_KEYWORDS_TEXT.split())
_DECLARING = frozenset({"let", "const", "var", "class"})
_OPENING = {"(": ")", "[": "]", "{": "}"}
_SECRET = re.compile(r"(?<![\w$.'\"])secrets\s*[.\[]")
_WORD = re.compile(r"[\w$]+")


@dataclass(frozen=True, slots=True)
class Names:
    """What a source names; with `every_step` the ids of steps are known only at run time."""

    roots: frozenset[str] = frozenset()
    steps: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    every_step: bool = False

    @classmethod
    def of_all(cls, parts: Collection["Names"]) -> "Names":
        """Return what all of some sources name together."""
        return cls(
            frozenset().union(*(part.roots for part in parts)),
            frozenset().union(*(part.steps for part in parts)),
            frozenset().union(*(part.secrets for part in parts)),
            any(part.every_step for part in parts),
        )

    def __or__(self, other: "Names") -> "Names":
        return Names(
            self.roots | other.roots,
            self.steps | other.steps,
            self.secrets | other.secrets,
            self.every_step or other.every_step,
        )


NO_NAMES = Names()


@dataclass(slots=True)
class Use:
    """What one source uses: `unknown` are names that nothing gives, `chains` the members read of roots."""

    names: Names = NO_NAMES
    chains: list[tuple[str, tuple[Key, ...]]] = field(default_factory=list)
    unknown: list[Token] = field(default_factory=list)

    @classmethod
    def anything(cls, source: str) -> Self:
        """Return what to assume of a source that cannot be read closely: whatever it may mean, it gets."""
        words = frozenset(_WORD.findall(source)) if "\\" not in source else ROOTS
        secret = _SECRET.search(source)
        unknown = [Token("name", "secrets", secret.start())] if secret else []
        return cls(Names(roots=words & ROOTS, every_step="steps" in words), unknown=unknown)


def used_in(source: str, known: frozenset[str]) -> Use:
    """Return what the source names; `known` are the names that it has anyway."""
    try:
        tokens = tokens_of(source)
    except Unreadable:
        return Use.anything(source)
    if any(token.text in _DECLARING for token in tokens):
        return Use.anything(source)
    use = Use()
    bound = _bound(tokens)
    named: set[Names] = set()
    for position, token in enumerate(tokens):
        if token.kind == "name" and token.text not in KEYWORDS and not is_key(tokens, position):
            _note(use, named, tokens, position, bound, known)
    use.names = Names.of_all(named)
    return use


def _note(
    use: Use, named: set[Names], tokens: list[Token], position: int, bound: set[str], known: frozenset[str]
) -> None:
    name = tokens[position].text
    if name in ROOTS:
        keys = members(tokens, position)[0] if name not in bound else ()
        named.add(_named(name, keys, name in bound))
        if name not in bound:
            use.chains.append((name, keys))
    elif name not in bound and name not in known:
        use.unknown.append(tokens[position])


def _named(root: str, keys: tuple[Key, ...], bound: bool) -> Names:
    if root != "steps" or bound:
        return Names(roots=frozenset({root}), every_step=root == "steps")
    if keys and isinstance(keys[0], str):
        return Names(roots=frozenset({root}), steps=frozenset({keys[0]}))
    return Names(roots=frozenset({root}), every_step=True)


def is_key(tokens: list[Token], position: int) -> bool:
    """Tell whether the name is a member (`.name`), a key (`{name: …}`) or a method (`{name() {…}}`)."""
    before = tokens[position - 1].text if position else ""
    after = tokens[position + 1].text if position + 1 < len(tokens) else ""
    if before in (".", "?.", "#"):
        return True
    if before not in ("{", ",", "get", "set", "async", "*"):
        return False
    return after == ":" or (after == "(" and _group_is_followed_by_brace(tokens, position + 1))


def members(tokens: list[Token], position: int) -> tuple[tuple[Key, ...], int]:
    """Return the keys behind the name, as `.key`, `?.key`, `["key"]` or `[0]`, and where they end."""
    keys: list[Key] = []
    at = position + 1
    while at + 1 < len(tokens):
        mark, key = tokens[at].text, tokens[at + 1]
        constant = _constant(key) if mark == "[" and tokens[at + 2 : at + 3] else None
        if mark in (".", "?.") and key.kind == "name":
            keys.append(key.text)
            at += 2
        elif constant is not None and tokens[at + 2].text == "]":
            keys.append(constant)
            at += 3
        else:
            break
    return tuple(keys), at


def _constant(token: Token) -> Key | None:
    if token.kind == "string" and "\\" not in token.text:
        return token.text[1:-1]
    return int(token.text) if token.kind == "number" and token.text.isdigit() else None


def _bound(tokens: list[Token]) -> set[str]:
    """Return the names of parameters: before `=>`, and in brackets before `=>` or `{`; rather too many."""
    bound: set[str] = set()
    for position, token in enumerate(tokens):
        if token.text == "=>" and position and tokens[position - 1].kind == "name":
            bound.add(tokens[position - 1].text)
        elif token.text == "function":
            following = (tokens[at].text for at in range(position + 1, min(position + 3, len(tokens))))
            bound.update(name for name in following if _WORD.fullmatch(name))
        elif token.text == "(":
            end = _closing(tokens, position)
            if end + 1 < len(tokens) and tokens[end + 1].text in ("=>", "{"):
                bound.update(t.text for t in tokens[position:end] if t.kind == "name")
    return bound


def _group_is_followed_by_brace(tokens: list[Token], start: int) -> bool:
    end = _closing(tokens, start)
    return end + 1 < len(tokens) and tokens[end + 1].text == "{"


def _closing(tokens: list[Token], start: int) -> int:
    depth = 0
    for at in range(start, len(tokens)):
        text = tokens[at].text
        if text in _OPENING:
            depth += 1
        elif text in (")", "]", "}"):
            depth -= 1
            if depth == 0:
                return at
    return len(tokens)

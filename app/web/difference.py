"""What two texts differ in, line by line."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

AROUND = 3
MOST_COMPARED = 4_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its numbers in both texts; `kind` is same, removed, added or gap (lines left out)."""

    kind: str
    old: int | None
    new: int | None
    text: str


def difference(old: str, new: str) -> list[Line]:
    """Give the lines that differ with a few around them; none for equal texts.

    Where so much differs that looking for what stayed would take long, the old text is shown as removed and
    the new one as added.
    """
    before, after = old.split("\n"), new.split("\n")
    if before == after:
        return []
    start = _alike(before, after)
    end = _alike(before[start:][::-1], after[start:][::-1])
    if (len(before) - start - end) * (len(after) - start - end) > MOST_COMPARED:
        return [*_lines("removed", before, 0), *_lines("added", after, 0)]
    return list(_grouped(before, after))


def _alike(one: list[str], other: list[str]) -> int:
    """Count the lines at the beginning that are the same."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _grouped(before: list[str], after: list[str]) -> Iterator[Line]:
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for number, group in enumerate(matcher.get_grouped_opcodes(AROUND)):
        if number:
            yield Line("gap", None, None, "")
        for kind, old_from, old_to, new_from, new_to in group:
            if kind == "equal":
                pairs = zip(range(old_from, old_to), range(new_from, new_to), strict=True)
                yield from (Line("same", at + 1, to + 1, before[at]) for at, to in pairs)
            else:
                yield from _lines("removed", before[old_from:old_to], old_from)
                yield from _lines("added", after[new_from:new_to], new_from)


def _lines(kind: str, lines: list[str], start: int) -> Iterator[Line]:
    for number, text in enumerate(lines, start + 1):
        removed = kind == "removed"
        yield Line(kind, number if removed else None, None if removed else number, text)

"""What comes before what: needs, cycles and which steps a step comes after; pure."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from app.engine.nearest import nearest
from app.errors import Fault

Needs = Mapping[str, Sequence[str]]

MOST_WRONG = 20
_MOST_NAMES = 30


def needs_of(steps: Sequence[dict[str, Any]]) -> tuple[dict[str, tuple[str, ...]], list[Fault], list[Fault]]:
    """Return the needs of each step by id, faults and warnings.

    `needs` left out is the step before in the list. Steps with `runOn` failure or always come after all
    others anyway: their needs order them among themselves and default to none.
    """
    needs: dict[str, tuple[str, ...]] = {}
    faults: list[Fault] = []
    warnings: list[Fault] = []
    late = {step["id"]: step["run_on"] != "success" for step in steps}
    previous: tuple[str, ...] = ()
    for step in steps:
        step_id, path = step["id"], f"{step['path']}.needs"
        default = () if late[step_id] else previous
        asked = tuple(dict.fromkeys(step.get("needs", default)))
        wrong = (message for need in asked if (message := _wrong(step_id, need, late)))
        faults += [Fault(path, message) for message in islice(wrong, MOST_WRONG)]
        if late[step_id] and any(late.get(need) is False for need in asked):
            warnings.append(Fault(path, "Steps with runOn failure or always come after all others anyway."))
        needs[step_id] = tuple(n for n in asked if n in late and n != step_id and late[n] == late[step_id])
        if not late[step_id]:
            previous = (step_id,)
    return needs, faults, warnings


def listed(said: str, names: Sequence[str]) -> str:
    """Return the names in a row, the first thirty of them, or that there are none."""
    if not names:
        return "there is no other step"
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{said} {', '.join(names[:_MOST_NAMES])}{more}"


def rings_of(needs: Needs) -> list[list[str]]:
    """Return a ring for each group of ids that need each other: in order, the first one again at the end."""
    listed = {one: at for at, one in enumerate(needs)}
    groups = [set(group) for group in groups_of(needs)]
    firsts = ((min(group, key=listed.__getitem__), group) for group in groups)
    rings = [_ring_through(first, group, needs) for first, group in firsts if group & {*needs[first]}]
    return sorted(rings, key=lambda ring: listed[ring[0]])


def reach_of(needs: Needs) -> dict[str, frozenset[str]]:
    """Return for each step all others that it comes after; in a ring each comes after all the rest of it."""
    reach: dict[str, frozenset[str]] = {}
    for group in groups_of(needs):
        before: set[str] = set(group) if len(group) > 1 else set()
        outside = {need for step_id in group for need in needs[step_id]}.difference(group)
        for need in sorted(outside, key=lambda step_id: len(reach[step_id]), reverse=True):
            if need not in before:
                before |= reach[need] | {need}
        reach |= {step_id: frozenset(before - {step_id}) for step_id in group}
    return reach


def groups_of(needs: Needs) -> list[list[str]]:
    """Return the groups of ids that need each other, each behind all that it needs; most hold one id."""
    search = _Search(needs)
    for one in needs:
        search.visit(one)
    return search.groups


class _Search:
    """Tarjan's search for strongly connected groups, without recursion."""

    def __init__(self, needs: Needs) -> None:
        self.groups: list[list[str]] = []
        self._needs = needs
        self._number: dict[str, int] = {}
        self._lowest: dict[str, int] = {}
        self._open: dict[str, None] = {}
        self._trail: list[tuple[str, Iterator[str]]] = []

    def visit(self, start: str) -> None:
        if start not in self._number:
            self._enter(start)
        while self._trail:
            one, rest = self._trail[-1]
            need = next(rest, None)
            if need is None:
                self._leave(one)
            elif need not in self._number:
                self._enter(need)
            elif need in self._open:
                self._lowest[one] = min(self._lowest[one], self._number[need])

    def _enter(self, one: str) -> None:
        self._number[one] = self._lowest[one] = len(self._number)
        self._open[one] = None
        self._trail.append((one, iter(self._needs[one])))

    def _leave(self, one: str) -> None:
        self._trail.pop()
        if self._trail:
            before = self._trail[-1][0]
            self._lowest[before] = min(self._lowest[before], self._lowest[one])
        if self._lowest[one] == self._number[one]:
            group = [self._open.popitem()[0]]
            while group[-1] != one:
                group.append(self._open.popitem()[0])
            self.groups.append(group)


def _ring_through(first: str, group: set[str], needs: Needs) -> list[str]:
    """Return the shortest way from an id of a group back to it."""
    came_from: dict[str, str] = {}
    reached = [first]
    for one in reached:
        for need in needs[one]:
            if need in group and need not in came_from:
                came_from[need] = one
                reached.append(need)
    ring = [first, came_from[first]]
    while ring[-1] != first:
        ring.append(came_from[ring[-1]])
    return ring[::-1]


def _wrong(step_id: str, need: str, late: Mapping[str, bool]) -> str | None:
    if need == step_id:
        return "A step cannot need itself: take it out."
    if need not in late:
        others = [other for other in late if other.isidentifier() and other != step_id]
        return f"There is no step {need[:100]}{nearest(need, others)}; {listed('there are', others)}."
    if late[need] and not late[step_id]:
        return f"{need} comes after all other steps, because its runOn is failure or always: take it out."
    return None

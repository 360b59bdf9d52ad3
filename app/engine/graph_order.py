"""What comes before what: needs, cycles and which steps a step comes after; pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.engine.nearest import nearest
from app.errors import Fault

Needs = Mapping[str, Sequence[str]]


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
        faults += [Fault(path, message) for need in asked if (message := _wrong(step_id, need, late))]
        if late[step_id] and any(late.get(need) is False for need in asked):
            warnings.append(Fault(path, "Steps with runOn failure or always come after all others anyway."))
        needs[step_id] = tuple(n for n in asked if n in late and n != step_id and late[n] == late[step_id])
        if not late[step_id]:
            previous = (step_id,)
    return needs, faults, warnings


def ring_in(needs: Needs) -> list[str] | None:
    """Return the ids of one cycle in order, the first one again at the end, or None."""
    done: set[str] = set()
    for start in needs:
        trail: list[str] = []
        ring = _follow(start, needs, done, trail)
        if ring:
            return ring
    return None


def reach_of(needs: Needs) -> dict[str, frozenset[str]]:
    """Return for each step all steps that it comes after; without cycles only."""
    reach: dict[str, frozenset[str]] = {}
    for start in needs:
        pending = [start]
        while pending:
            step_id = pending[-1]
            missing = [need for need in needs[step_id] if need not in reach]
            if missing:
                pending += missing
            else:
                reach[step_id] = frozenset(needs[step_id]).union(*(reach[need] for need in needs[step_id]))
                pending.pop()
    return reach


def _wrong(step_id: str, need: str, late: Mapping[str, bool]) -> str | None:
    if need == step_id:
        return "A step cannot need itself."
    if need not in late:
        return f"There is no step {need}{nearest(need, late)}."
    if late[need] and not late[step_id]:
        return f"{need} comes after all other steps, because its runOn is failure or always."
    return None


def _follow(start: str, needs: Needs, done: set[str], trail: list[str]) -> list[str] | None:
    """Walk depth first without recursion; `trail` is the way here, `done` what leads to no cycle."""
    pending = [(start, iter(needs[start]))] if start not in done else []
    trail.extend(step_id for step_id, _ in pending)
    while pending:
        need = next(pending[-1][1], None)
        if need is None:
            done.add(pending.pop()[0])
            trail.pop()
        elif need in trail:
            return [*trail[trail.index(need) :], need]
        elif need not in done:
            pending.append((need, iter(needs[need])))
            trail.append(need)
    return None

"""Checks which steps the expressions of a definition name: a step can read only those that it comes after."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.engine.graph_order import listed
from app.engine.nearest import nearest
from app.errors import Fault

_LONGEST_NAME = 100


@dataclass(slots=True)
class References:
    """What can be named where; `reach` gives for each step, by id, those that it may refer to.

    `late` are the steps with `runOn` failure or always, `unclear` those whose needs could not be read, so
    that nobody can tell what they come after.
    """

    reach: Mapping[str, frozenset[str]]
    late: frozenset[str] = frozenset()
    unclear: frozenset[str] = frozenset()
    faults: list[Fault] = field(default_factory=list)

    @classmethod
    def of(cls, steps: Sequence[dict[str, Any]], reach: Mapping[str, frozenset[str]]) -> "References":
        """Say what the steps of a definition may name; late ones may name any other."""
        everything = frozenset(reach)
        late = frozenset(step["id"] for step in steps if step["run_on"] != "success")
        unclear = frozenset(step["id"] for step in steps if "needs" in step["given"] and "needs" not in step)
        open_to_all = {step_id: everything - {step_id} for step_id in late | unclear}
        return cls({**reach, **open_to_all}, late, unclear)

    def check(self, step_id: str | None, references: Iterable[tuple[str, str]], most: int) -> None:
        """Note each step that is named, by place and id, but out of reach; `step_id` is None for the output.

        At most `most` faults are noted in all.
        """
        allowed = frozenset(self.reach) if step_id is None else self.reach[step_id]
        for path, named in dict.fromkeys(references):
            if len(self.faults) >= most:
                return
            if named not in allowed:
                self.faults.append(Fault(path, self._why(step_id, named, allowed)))

    def _why(self, step_id: str | None, named: str, allowed: frozenset[str]) -> str:
        there = self._listed(step_id, allowed)
        if named == step_id:
            return f"A step cannot refer to itself; {there}."
        if named not in self.reach:
            near = nearest(named, allowed) or nearest(named, self.reach)
            return f"There is no step {named[:_LONGEST_NAME]}{near}; {there}."
        if named in self.late:
            return f"{named} comes after all other steps, because its runOn is failure or always; {there}."
        if step_id in self.reach[named]:
            return f"{named} comes after this step, so this one cannot read it; {there}."
        return f"A step may only refer to steps it comes after: add {named} to needs; {there}."

    def _listed(self, step_id: str | None, allowed: frozenset[str]) -> str:
        """List what may be named, in the order of the definition."""
        names = [name for name in self.reach if name in allowed and name.isidentifier()]
        if not names:
            return "none is in reach"
        return listed("there are" if step_id in self.unclear else "in reach are", names)

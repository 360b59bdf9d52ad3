"""What a step computes before it starts: its condition, then the value of its `with`."""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Final, Protocol
from uuid import UUID

from app.engine import sandbox as boxes
from app.engine.expressions import Compiled, Scope, Script
from app.engine.names import NO_NAMES, Names
from app.engine.paths import ExpressionFailed, broken, member, truthy
from app.engine.sandbox import SandboxFailed

Json = Any

_NULL_MEMBER = re.compile(r"TypeError: cannot read property '(.*)' of (?:null|undefined)", re.DOTALL)


class Skip(Enum):
    """What a program gives when its condition is false."""

    SKIP = "skip"


SKIP: Final = Skip.SKIP


class Evaluator(Protocol):
    """What evaluates JavaScript: the sandbox."""

    async def evaluate(
        self, workspace_id: UUID, request: boxes.Expressions, *, seconds: float = 1, mebibytes: int = 64
    ) -> boxes.Reply: ...


@dataclass(frozen=True, slots=True)
class StepProgram:
    """A condition, if any, and a value.

    `reach` are the ids that `steps` means when it is not read by id; `seconds` is what JavaScript may take.
    """

    condition: Compiled | None
    args: Compiled
    reach: tuple[str, ...] = ()
    seconds: float = 1.0

    @property
    def plain(self) -> bool:
        """Tell whether Python alone can resolve it."""
        return self.args.plain and (self.condition is None or self.condition.plain)

    @property
    def names(self) -> Names:
        """What condition and value name together."""
        return self.args.names | (self.condition.names if self.condition else NO_NAMES)

    def resolve(self, scope: Scope) -> Json | Skip:
        """Return the value, or SKIP when the condition is false; only if `plain`.

        Raises ExpressionFailed.
        """
        if self.condition is not None and not truthy(self.condition.build(scope, ())):
            return SKIP
        return self.args.build(scope, ())

    async def evaluate(self, scope: Scope, sandbox: Evaluator, workspace_id: UUID) -> Json | Skip:
        """Return the value, or SKIP when the condition is false, in at most one exchange with the sandbox.

        Raises ExpressionFailed.
        """
        condition, scripts = self.condition, self.args.scripts
        if condition is not None and condition.plain:
            if not truthy(condition.build(scope, ())):
                return SKIP
            condition = None
        asked = condition.scripts if condition is not None else ()
        if not asked and not scripts:
            return self.args.build(scope, ())
        values = self._values(scope, condition)
        evaluate = partial(sandbox.evaluate, workspace_id, seconds=self.seconds)
        reply = await _ask(asked, scripts, values, evaluate)
        return SKIP if reply.skip else self.args.build(scope, reply.values[len(asked) :])

    def values(self, scope: Scope) -> dict[str, Json]:
        """Return the part of the scope that the value names."""
        return self._values(scope, None)

    def _values(self, scope: Scope, condition: Compiled | None) -> dict[str, Json]:
        """Return the part of the scope that the scripts name."""
        names = self.args.names | (condition.names if condition else NO_NAMES)
        values = {root: scope[root] for root in sorted(names.roots) if root != "steps"}
        if "steps" in names.roots:
            ids: Iterable[str] = names.steps | set(self.reach) if names.every_step else names.steps
            steps = scope["steps"]
            values["steps"] = {step_id: steps[step_id] for step_id in sorted(ids)}
        return values


async def _ask(
    asked: Sequence[Script],
    scripts: Sequence[Script],
    values: dict[str, Json],
    evaluate: Callable[[boxes.Expressions], Awaitable[boxes.Reply]],
) -> boxes.Reply:
    every = (*asked, *scripts)
    request = boxes.Expressions(
        tuple(boxes.Script(s.source, s.text, number < len(asked)) for number, s in enumerate(every)), values
    )
    try:
        reply = await evaluate(request)
    except SandboxFailed as error:
        where = every[0].path if len(every) == 1 else f"One of {', '.join(s.path for s in every[:3])}"
        raise ExpressionFailed(f"{where}: {error}") from None
    if reply.error is not None:
        raise ExpressionFailed(_explained(reply.error, every, values))
    if not reply.skip and len(reply.values) != len(every):
        raise ExpressionFailed(f"{every[0].path}: The value could not be read.")
    return reply


def _explained(error: dict[str, Any], scripts: Sequence[Script], values: dict[str, Json]) -> str:
    """Return a message that names the expression, and the path where a member of null was asked for."""
    index = error.get("index")
    script = scripts[index if isinstance(index, int) and index in range(len(scripts)) else 0]
    message = str(error.get("message"))
    of_null = _NULL_MEMBER.match(message)
    why = _broken_chain(script, values, of_null[1]) if of_null else None
    return f"{script.path}: {why or message}"


def _broken_chain(script: Script, values: dict[str, Json], missing: str) -> str | None:
    """Return which of the paths that the script reads breaks off before the member."""
    for root, keys in script.chains:
        value = values.get(root)
        for at, key in enumerate(keys):
            if value is None and str(key) == missing:
                return broken(root, keys[:at], key)
            value = None if value is None else member(value, key)
    return None

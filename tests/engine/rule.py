"""The running rule, written once more from the contract alone: a plain model to hold the board against."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plan:
    """One step of a random graph, and how it behaves when its turn comes."""

    id: str
    needs: tuple[str, ...]
    fails: bool = False
    goes_on: bool = False  # onError: continue
    condition: bool = True
    run_on: str = "success"


@dataclass
class Ended:
    """How an execution ends: each step that ended by its status, the others were never begun."""

    statuses: dict[str, str] = field(default_factory=dict)
    failed_step: str | None = None


def expected(plans: list[Plan]) -> Ended:
    """Run steps in the definition's order, round by round, each to its end before the next begins.

    "A step runs when all its needs have ended and at least one counts as completed, or it has none;
    otherwise it is skipped." A failure without `continue` keeps all that have not begun from beginning.
    """
    end = Ended()
    early = [plan for plan in plans if plan.run_on == "success"]
    while end.failed_step is None:
        turn = [p for p in early if p.id not in end.statuses and set(p.needs) <= set(end.statuses)]
        if not turn:
            break
        for plan in turn:
            if end.failed_step is None:
                _take_turn(plan, plans, end, strict=True)
    _last_steps(plans, end)
    return end


def _last_steps(plans: list[Plan], end: Ended) -> None:
    """Run what comes after all others; "`needs` only orders them among themselves"."""
    late = [plan for plan in plans if plan.run_on != "success"]
    moved = True
    while moved:
        moved = False
        wanted = {p.id for p in late if p.run_on == "always" or end.failed_step is not None}
        open_ids = wanted - set(end.statuses)
        for plan in late:
            if plan.id in open_ids and not set(plan.needs) & (wanted - set(end.statuses)):
                _take_turn(plan, plans, end, strict=False)
                moved = True
                break


def _take_turn(plan: Plan, plans: list[Plan], end: Ended, *, strict: bool) -> None:
    by_id = {other.id: other for other in plans}
    useful = [n for n in plan.needs if _counts(by_id[n], end.statuses.get(n))]
    if (strict and plan.needs and not useful) or not plan.condition:
        end.statuses[plan.id] = "skipped"
    elif plan.fails:
        end.statuses[plan.id] = "failed"
        if not plan.goes_on and end.failed_step is None:
            end.failed_step = plan.id
    else:
        end.statuses[plan.id] = "completed"


def _counts(need: Plan, status: str | None) -> bool:
    return status == "completed" or (status == "failed" and need.goes_on)

"""The items of a forEach: each is done by itself, at most so many at a time."""

import asyncio
from collections.abc import Iterator
from typing import Any

from app.engine.attempts import pure, run_unit
from app.engine.paths import ExpressionFailed
from app.engine.programs import SKIP
from app.engine.progress import Progress, Unit
from app.engine.stored import Unstorable, sentence, stored, stored_output
from app.engine.waits import place_of
from app.engine.workplace import Workplace
from app.states import StepStatus
from app.steps.base import Done, Failed, Outcome
from app.strictjson import loads_stored

Json = Any
MOST_ITEMS = 10_000
# So many items are done without a pause before other executions get their turn.
TURN = 100
SAMPLE = 60
_NUMBER = ("the number", "for so many items write Array.from({length: n})")
_KINDS: dict[type, tuple[str, str]] = {
    type(None): ("null", "for no items where there is no list, add ?? [] to the expression"),
    str: ("the text", "make a list of it, for instance with JSON.parse(text) or text.split(',')"),
    dict: ("the object", "name the list in it, or take Object.values(object) or Object.entries(object)"),
    bool: ("the value", "name a list"),
    int: _NUMBER,
    float: _NUMBER,
}


async def run_items(at: Workplace, progress: Progress) -> Outcome | object:
    """Do a step for each item of its list; gives SKIP, Done or Failed. Raises Interrupted."""
    step = progress.step
    listing = step.for_each
    if listing is None:
        raise RuntimeError(f"the step {step.id} has no forEach")
    try:
        with at.working():
            values = await listing.evaluate(at.scope, at.desk.sandbox, at.key.workspace_id)
            if values is SKIP:
                return SKIP
            units = _units(at, progress, values)
    except (ExpressionFailed, Unstorable) as error:
        return Failed(str(error))
    await _do_all(at, progress, list(zip(units, values, strict=True)))
    return _outcome(progress, units)


def _units(at: Workplace, progress: Progress, values: Json) -> list[Unit]:
    """Begin the step: one unit for each item. Raises Unstorable for what is no list, or too long."""
    if not isinstance(values, list):
        raise Unstorable(no_list(values))
    if len(values) > MOST_ITEMS:
        raise Unstorable(f"forEach gives {len(values)} items; {MOST_ITEMS} are the most")
    progress.unit.begin(at.now())
    progress.unit.attempt = 1
    progress.unit.input = stored({"items": len(values)})
    units = progress.expand(len(values))
    at.record(progress)
    return units


def no_list(value: Json) -> str:
    """Say what a forEach gave instead of a list, and how to make one of it."""
    kind, advice = _KINDS.get(type(value), _KINDS[type(None)])
    sample = "" if value is None else f" {_sample(value)}"
    return f"forEach must give a list, but it gave {kind}{sample}: {advice}"


def _sample(value: Json) -> str:
    text = stored(value)
    return text if len(text) <= SAMPLE else text[:SAMPLE] + "…"


async def _do_all(at: Workplace, progress: Progress, work: list[tuple[Unit, Json]]) -> None:
    """Do all items in lanes; after the first that fails for good no other begins."""
    todo = iter([(unit, value) for unit, value in work if not unit.ended])
    lanes = min(progress.step.for_each_concurrency, len(work))
    if progress.step.program.plain and not progress.step.kind.effect:
        lanes = min(lanes, 1)
    tasks = [asyncio.create_task(_lane(at, progress, todo)) for _ in range(lanes)]
    try:
        # Until the lanes have begun, their step is at work: the execution must not be suspended in between.
        with at.working():
            await asyncio.sleep(0)
        at.consider_rest()
        await asyncio.gather(*tasks)
    except _Stopped:
        _abort(at, progress)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        at.at_work -= sum(isinstance(end, _Stopped) for end in ends)


def _abort(at: Workplace, progress: Progress) -> None:
    """Cancel the items in flight, and the children that they wait for."""
    aborted = at.abort_items(progress)
    if progress.step.type == "workflow":
        at.desk.ledger.cancel_children(at.key, [place_of(progress, unit) for unit in aborted])


class _Stopped(Exception):
    """An item failed for good, so the others need not go on.

    Its lane counts as at work until they are aborted: else the execution could be suspended in between, and
    no news would ever come of the item that failed.
    """


async def _lane(at: Workplace, progress: Progress, todo: Iterator[tuple[Unit, Json]]) -> None:
    for number, (unit, value) in enumerate(todo, 1):
        await _do_one(at, progress, unit, value)
        if unit.status is StepStatus.FAILED and not progress.continues:
            at.at_work += 1
            raise _Stopped
        if number % TURN == 0:
            with at.working():
                await asyncio.sleep(0)


async def _do_one(at: Workplace, progress: Progress, unit: Unit, value: Json) -> None:
    """Do one item and record how it ended."""
    step = progress.step
    scope = at.scope | {"item": value, "index": unit.index}
    outcome: Any
    if step.program.plain and not step.kind.effect:
        outcome = pure(at, progress, unit, scope)
    else:
        outcome = await run_unit(at, progress, unit, scope)
    error = getattr(outcome, "error", "The item gave no outcome")
    if isinstance(outcome, Done):
        try:
            unit.output = at.mask.json(stored_output(outcome.output))
            error = None
        except Unstorable as fault:
            error = str(fault)
    unit.reason = getattr(outcome, "reason", None)
    status = StepStatus.COMPLETED if error is None else StepStatus.FAILED
    unit.end(status, at.now(), None if error is None else sentence(at.mask(error)))
    at.record(progress, unit)


def _outcome(progress: Progress, units: list[Unit]) -> Outcome:
    """Give the outputs in order, or the first failure."""
    failed = [unit for unit in units if unit.status is StepStatus.FAILED]
    if failed and not progress.continues:
        return Failed(f"Item {failed[0].index} failed: {failed[0].error}", failed[0].reason)
    outputs = [None if unit.output is None else loads_stored(unit.output) for unit in units]
    return Done(outputs, f"{len(failed)} of {len(units)} items failed" if failed else None)

"""The attempts of one unit: evaluate, record, perform, wait, and try again where that could help."""

import asyncio
import random
from datetime import datetime, timedelta
from traceback import format_exception
from typing import Any

from app import log
from app.clock import rfc3339
from app.engine import waits
from app.engine.paths import ExpressionFailed
from app.engine.programs import SKIP
from app.engine.progress import Progress, Unit
from app.engine.stored import Unstorable, sentence, stored_output
from app.engine.workplace import Workplace
from app.states import StepStatus
from app.steps.arguments import BadArguments, load_args
from app.steps.base import Call, Child, Done, Failed, ForSignal, Outcome, Retry, Wait

Json = Any
Scope = dict[str, Json]
logger = log.get(__name__)


def pure(at: Workplace, progress: Progress, unit: Unit, scope: Scope) -> Outcome | object:
    """Do a plain step without effects here and now; gives SKIP, Done or Failed."""
    step = progress.step
    unit.begin(at.now())
    try:
        args = step.program.resolve(scope)
        if args is SKIP:
            return SKIP
        if unit.index is None:
            unit.input = at.mask.json(stored_output(args))
        answer: Any = step.kind.run(at.call(progress, unit, load_args(step.kind.schema, args), scope))
        outcome: Outcome = answer
    except (ExpressionFailed, Unstorable, BadArguments) as error:
        return Failed(str(error))
    return outcome


async def run_unit(at: Workplace, progress: Progress, unit: Unit, scope: Scope) -> Outcome | object:
    """Do one unit over all its attempts; gives SKIP, Done or Failed. Raises Interrupted."""
    with at.working():
        outcome = await _go_on(at, progress, unit) if unit.status is StepStatus.WAITING else None
        if outcome is not None and not isinstance(outcome, Retry):
            return outcome
        try:
            args = await progress.step.program.evaluate(scope, at.desk.sandbox, at.key.workspace_id)
            if args is SKIP:
                return SKIP
            if unit.index is None:
                unit.input = at.mask.json(stored_output(args))
            loaded = load_args(progress.step.kind.schema, args)
        except (ExpressionFailed, Unstorable, BadArguments) as error:
            unit.begin(at.now())
            return Failed(str(error))
        if outcome is not None and not await _back_off(at, progress, unit, outcome):
            return Failed(outcome.error)
        return await _attempts(at, progress, unit, loaded, scope)


async def _attempts(at: Workplace, progress: Progress, unit: Unit, args: Json, scope: Scope) -> Outcome:
    """Attempt until it is done or no attempt is left; what waits is waited for."""
    while True:
        unit.begin(at.now())
        if progress.step.kind.effect:
            await at.durable(progress, unit)
        outcome = await _perform(at, progress, at.call(progress, unit, args, scope))
        outcome = await _after(at, progress, unit, outcome)
        if not isinstance(outcome, Retry):
            return outcome
        if not await _back_off(at, progress, unit, outcome):
            return Failed(outcome.error)


async def _back_off(at: Workplace, progress: Progress, unit: Unit, outcome: Retry) -> bool:
    """Wait for the next attempt, or tell that there is none."""
    policy = progress.step.retry
    if policy is None or unit.attempt >= policy.attempts:
        return False
    pause = policy.delay(unit.attempt, outcome.after, random.random)
    unit.failed_attempt(sentence(at.mask(outcome.error)), at.now())
    await at.park(progress, unit, at.now() + timedelta(seconds=pause))
    return True


async def _after(at: Workplace, progress: Progress, unit: Unit, outcome: Outcome) -> Outcome:
    """Wait for what an attempt began to wait for."""
    match outcome:
        case Wait(until):
            return await _until(at, progress, unit, until)
        case ForSignal():
            limit = at.now() + timedelta(seconds=progress.step.timeout_seconds)
            return await waits.for_signal(at, progress, unit, limit)
        case Child():
            return await waits.start_child(at, progress, unit, outcome)
        case _:
            return outcome


async def _go_on(at: Workplace, progress: Progress, unit: Unit) -> Outcome | None:
    """Go on with what was waiting when its execution was suspended; None after a backoff."""
    until = unit.wake_at or at.now()
    if unit.backs_off:
        await at.park(progress, unit, until)
        return None
    match progress.step.type:
        case "wait":
            return await _until(at, progress, unit, until)
        case "waitForSignal":
            return await waits.for_signal(at, progress, unit, until)
        case _:
            return await waits.for_child(at, progress, unit, unit.wake_at)


async def _until(at: Workplace, progress: Progress, unit: Unit, until: datetime) -> Outcome:
    await at.park(progress, unit, until)
    return Done({"resumedAt": rfc3339(at.now())})


async def _perform(at: Workplace, progress: Progress, call: Call) -> Outcome:
    """Make one attempt within the step's time; a fault that the step type did not expect fails the step."""
    step = progress.step
    try:
        # The sandbox times code itself, from the moment it runs: waiting for a turn is no part of it.
        async with asyncio.timeout(None if step.type == "code" else step.timeout_seconds):
            answer: Any = step.kind.run(call)
            outcome: Outcome = await answer if step.kind.effect else answer
            return outcome
    except TimeoutError:
        return Retry(f"The attempt took longer than its limit of {step.timeout_seconds:g} s")
    except Exception as error:  # noqa: BLE001 -- a fault of a step type's own is told without its secrets
        said = at.mask("".join(format_exception(error)))
        logger.error(
            "a step type raised", type=step.type, execution=str(at.key.id), step=step.id, exception=said
        )
        return Failed("The step failed for a reason of the service's own; its log tells more")

"""The attempts of one step: evaluate, record, perform, and try again where that could help."""

import asyncio
import random
from typing import TYPE_CHECKING, Any

from app import log
from app.engine.paths import ExpressionFailed
from app.engine.programs import SKIP
from app.engine.progress import Progress, Unstorable, sentence, stored_output
from app.steps.arguments import BadArguments, load_args
from app.steps.base import Failed, Outcome, Retry, StepType

if TYPE_CHECKING:
    from app.engine.runner import Walk

Json = Any
logger = log.get(__name__)


class Interrupted(Exception):
    """The execution was cancelled, or belongs to another worker, while its step was under way."""


async def attempt_step(walk: "Walk", progress: Progress) -> Outcome | object:
    """Run a step to its end over all its attempts; gives SKIP, Done or Failed. Raises Interrupted."""
    step, kind = progress.step, progress.step.kind
    try:
        args = await step.program.evaluate(walk.scope, walk.desk.sandbox, walk.key.workspace_id)
        if args is SKIP:
            return SKIP
        progress.input = stored_output(args)
        loaded = load_args(kind.schema, args)
    except (ExpressionFailed, Unstorable, BadArguments) as error:
        progress.begin(walk.desk.ledger.time.now())
        return Failed(str(error))
    while True:
        progress.begin(walk.desk.ledger.time.now())
        if kind.effect:
            await walk.durable(progress)
        outcome = await _perform(walk, progress, kind, loaded)
        if not isinstance(outcome, Retry):
            return outcome
        pause = _pause(progress, outcome)
        if pause is None:
            return Failed(outcome.error)
        progress.failed_attempt(sentence(outcome.error), walk.desk.ledger.time.now())
        walk.desk.ledger.write_step(walk.key, progress.row())
        await asyncio.sleep(pause)


async def _perform(walk: "Walk", progress: Progress, kind: StepType, args: Json) -> Outcome:
    """Make one attempt within the step's time; a fault that the step type did not expect fails the step."""
    step = progress.step
    call = walk.call(step, args)
    try:
        async with asyncio.timeout(step.timeout_seconds):
            answer: Any = kind.run(call)
            outcome: Outcome = await answer if kind.effect else answer
            return outcome
    except TimeoutError:
        return Retry(f"The attempt took longer than its limit of {step.timeout_seconds:g} s")
    except Exception:
        logger.exception("a step type raised", type=kind.name, execution=str(walk.key.id), step=step.id)
        return Failed("The step failed for a reason of the service's own; its log tells more")


def _pause(progress: Progress, outcome: Retry) -> float | None:
    """Give the seconds before the next attempt; None when there is none."""
    policy = progress.step.retry
    if policy is None or progress.attempt >= policy.attempts:
        return None
    return policy.delay(progress.attempt, outcome.after, random.random)

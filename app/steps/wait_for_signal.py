"""The step type `waitForSignal`: what somebody sends to it is its output."""

from app.steps.base import Call, ForSignal, Outcome, step
from app.steps.fields import StepArgs

DEFAULT_SECONDS = 7 * 24 * 3600.0


class WaitForSignalStep(StepArgs):
    """A `waitForSignal` step takes nothing: how long it waits is the step's own `timeoutSeconds`."""


@step("waitForSignal", schema=WaitForSignalStep, effect=True, timeout=DEFAULT_SECONDS)
async def wait_for_signal(call: Call) -> Outcome:
    """Wait for the step's signal."""
    return ForSignal()

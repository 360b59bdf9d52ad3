"""The step type `fail`: it ends the execution as failed, whatever `onError` says."""

from app.steps.base import Call, Failed, Outcome, step
from app.steps.fields import StepArgs, Text


class FailStep(StepArgs):
    """What a `fail` step takes."""

    message = Text(required=True)


@step("fail", schema=FailStep, effect=False, timeout=10)
def fail(call: Call) -> Outcome:
    """Fail with the message."""
    return Failed(call.args["message"], final=True)

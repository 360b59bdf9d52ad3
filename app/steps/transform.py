"""The step type `transform`: its value, once the expressions in it are evaluated, is the output."""

from app.steps.base import Call, Done, Outcome, step
from app.steps.fields import Anything, StepArgs


class TransformStep(StepArgs):
    """What a `transform` step takes."""

    value = Anything(required=True, allow_none=True)


@step("transform", schema=TransformStep, effect=False, timeout=10)
def transform(call: Call) -> Outcome:
    """Give the value."""
    return Done(call.args["value"])

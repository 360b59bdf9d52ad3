"""The step type `fail`: ends the execution as failed, with a message."""

from typing import Any

from app import strictjson
from app.steps.base import Call, Failed, Outcome, step
from app.steps.fields import StepArgs, Text


class Message(Text):
    """A text; what an expression gives instead is written as JSON, so that the step fails as it should."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = value if isinstance(value, str) else strictjson.dumps(value).decode()
        return super()._deserialize(text, attr, data, **kwargs)


class FailStep(StepArgs):
    """What a `fail` step takes."""

    message = Message(
        required=True, error_messages={"required": "Is missing: give the error of the execution, as a text."}
    )


@step("fail", schema=FailStep, effect=False, timeout=10)
def fail(call: Call) -> Outcome:
    """Fail with the message; that `onError` does not help here, the engine knows by the type."""
    return Failed(call.args["message"] or "The workflow said so")

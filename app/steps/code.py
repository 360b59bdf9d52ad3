"""The step type `code`: the body of a JavaScript function, run in the sandbox."""

from app.steps.base import Call, Failed, Outcome, step
from app.steps.fields import StepArgs, Verbatim


class CodeStep(StepArgs):
    """What a `code` step takes."""

    source = Verbatim(required=True)


@step("code", schema=CodeStep, effect=True, timeout=10)
async def code(call: Call) -> Outcome:
    """Run the source; what it returns is the output."""
    if call.run_code is None:
        return Failed("There is no sandbox to run code in")
    return await call.run_code(call.args["source"])

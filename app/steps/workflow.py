"""The step type `workflow`: another workflow of the workspace as a step of this one."""

from app.steps.base import Call, Child, Outcome, step
from app.steps.definition import MOST_SECONDS, WorkflowId
from app.steps.fields import Anything, Boolean, StepArgs


class WorkflowStep(StepArgs):
    """What a `workflow` step takes."""

    workflow_id = WorkflowId(data_key="workflowId", required=True)
    input = Anything(load_default=dict, allow_none=True)
    wait = Boolean(load_default=True)


@step("workflow", schema=WorkflowStep, effect=True, timeout=MOST_SECONDS)
async def workflow(call: Call) -> Outcome:
    """Start the child."""
    return Child(call.args["workflow_id"], call.args["input"], call.args["wait"])

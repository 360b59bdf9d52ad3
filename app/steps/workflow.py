"""The step type `workflow`: another workflow of the workspace as a step of this one."""

from marshmallow import fields

from app.steps.base import Call, Child, Outcome, step
from app.steps.definition import MOST_SECONDS
from app.steps.fields import Anything, Boolean, Expressible, StepArgs


class WorkflowId(Expressible, fields.UUID):
    """The id of a workflow."""

    default_error_messages = {"invalid_uuid": "Must be the id of a workflow."}  # noqa: RUF012


class WorkflowStep(StepArgs):
    """What a `workflow` step takes."""

    workflow_id = WorkflowId(data_key="workflowId", required=True)
    input = Anything(load_default=dict, allow_none=True)
    wait = Boolean(load_default=True)


@step("workflow", schema=WorkflowStep, effect=True, timeout=MOST_SECONDS)
async def workflow(call: Call) -> Outcome:
    """Start the child."""
    return Child(call.args["workflow_id"], call.args["input"], call.args["wait"])

"""What callers get about executions; the forms themselves are made in `store.execution_forms`."""

from marshmallow import fields
from marshmallow.validate import OneOf

from app.schemas.base import Out
from app.schemas.paging import page_of
from app.states import Reason, Status, StepStatus, TriggeredBy


def _one_of(choices: type[Status] | type[StepStatus] | type[TriggeredBy]) -> fields.String:
    return fields.String(required=True, validate=OneOf([choice.value for choice in choices]))


def _or_null(kind: type[fields.Field], note: str = "") -> fields.Field:  # type: ignore[type-arg]
    return kind(required=True, allow_none=True, metadata={"description": note} if note else {})


class ListedExecutionOut(Out):
    """An execution as lists show it."""

    id = fields.UUID(required=True)
    workspace_id = fields.UUID(required=True)
    space_id = _or_null(fields.UUID, "Null once the space is deleted.")
    workflow_id = _or_null(fields.UUID, "Null once the workflow is deleted.")
    workflow_name = fields.String(required=True)
    workflow_version = fields.Integer(required=True)
    status = _one_of(Status)
    reason = fields.String(
        required=True, allow_none=True, validate=OneOf([*(reason.value for reason in Reason), None])
    )
    triggered_by = _one_of(TriggeredBy)
    error = _or_null(fields.String, "A sentence for people.")
    created_at = fields.AwareDateTime(required=True)
    started_at = _or_null(fields.AwareDateTime, "The first start; it never moves.")
    completed_at = _or_null(fields.AwareDateTime)
    duration_ms = _or_null(fields.Integer, "From the first start to the end; null until then.")
    attempt = fields.Integer(required=True, metadata={"description": "The place in the chain of retries."})
    takeovers = fields.Integer(
        required=True, metadata={"description": "How often it went on after a worker was lost."}
    )
    tags = fields.List(fields.String(), required=True)
    run_at = _or_null(fields.AwareDateTime)
    wake_at = _or_null(fields.AwareDateTime)
    idempotency_key = _or_null(fields.String)
    retry_of = _or_null(fields.UUID)
    parent_id = _or_null(fields.UUID)
    schedule_id = _or_null(fields.UUID)
    webhook_id = _or_null(fields.UUID)
    cancel_requested_at = _or_null(fields.AwareDateTime)
    steps_total = fields.Integer(required=True)
    steps_done = fields.Integer(required=True)


class ExecutionOut(ListedExecutionOut):
    """One run of a workflow."""

    trigger = _or_null(fields.Raw, "What a webhook or schedule knows of its call.")
    input = _or_null(fields.Raw)
    output = _or_null(fields.Raw)


class AttemptOut(Out):
    """One attempt of a step."""

    number = fields.Integer(required=True)
    started_at = _or_null(fields.AwareDateTime)
    completed_at = _or_null(fields.AwareDateTime)
    error = _or_null(fields.String)


class ItemCountsOut(Out):
    """How far a forEach is."""

    total = fields.Integer(required=True)
    completed = fields.Integer(required=True)
    failed = fields.Integer(required=True)


class StepOut(Out):
    """One step of an execution."""

    id = fields.UUID(required=True)
    step_id = fields.String(required=True)
    type = fields.String(required=True)
    name = _or_null(fields.String)
    status = _one_of(StepStatus)
    attempt = fields.Integer(required=True, metadata={"description": "0 before the first."})
    input = _or_null(fields.Raw)
    input_truncated = fields.Boolean(required=True)
    output = _or_null(fields.Raw)
    output_truncated = fields.Boolean(required=True)
    error = _or_null(fields.String)
    started_at = _or_null(fields.AwareDateTime)
    completed_at = _or_null(fields.AwareDateTime)
    duration_ms = _or_null(fields.Integer)
    wake_at = _or_null(fields.AwareDateTime)
    reused_from = _or_null(fields.UUID, "The execution whose result was taken over by a retry.")
    items = fields.Nested(ItemCountsOut, required=True, allow_none=True)
    attempts = fields.List(fields.Nested(AttemptOut), required=True)


class ExecutionDetailOut(ExecutionOut):
    """An execution with its steps and what came out of it."""

    steps = fields.List(fields.Nested(StepOut), required=True)
    retries = fields.List(fields.UUID(), required=True)
    children = fields.List(fields.UUID(), required=True)


class BatchOut(Out):
    """The executions of a batch, in its order."""

    data = fields.List(fields.Nested(ExecutionOut), required=True)


class ItemOut(Out):
    """One item of a forEach."""

    index = fields.Integer(required=True)
    status = _one_of(StepStatus)
    attempt = fields.Integer(required=True)
    output = _or_null(fields.Raw)
    error = _or_null(fields.String)


class LogLineOut(Out):
    """One line of a step's log."""

    at = fields.AwareDateTime(required=True)
    level = fields.String(required=True)
    message = fields.String(required=True)


ExecutionPage = page_of(ListedExecutionOut)
ItemPage = page_of(ItemOut)
LogPage = page_of(LogLineOut)

"""Executions and steps as JSON: the one place that knows their names and shapes outside."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row

from app import strictjson
from app.clock import rfc3339
from app.states import FINAL, Reason, Status, StepStatus

Json = Any
Form = dict[str, Json]
MOST_INLINE: Final = 64 * 1024


def list_form(row: Row[Any]) -> Form:
    """Give an execution as lists and events show it, without `input`, `output` and `trigger`."""
    return {
        "id": str(row.id),
        "workspaceId": str(row.workspace_id),
        "spaceId": _id(row.space_id),
        "workflowId": _id(row.workflow_id),
        "workflowName": row.workflow_name,
        "workflowVersion": row.workflow_version,
        "status": row.status,
        "reason": row.reason,
        "triggeredBy": row.triggered_by,
        "error": row.error,
        "createdAt": rfc3339(row.created_at),
        "startedAt": rfc3339(row.started_at),
        "completedAt": rfc3339(row.completed_at),
        "durationMs": milliseconds(row.started_at, row.completed_at),
        "attempt": row.attempt,
        "takeovers": row.takeovers,
        "tags": row.tags,
        "runAt": rfc3339(row.run_at),
        "wakeAt": rfc3339(row.wake_at),
        "idempotencyKey": row.idempotency_key,
        "retryOf": _id(row.retry_of),
        "parentId": _id(row.parent_id),
        "scheduleId": _id(row.schedule_id),
        "webhookId": _id(row.webhook_id),
        "cancelRequestedAt": rfc3339(row.cancel_requested_at),
        "stepsTotal": row.steps_total,
        "stepsDone": row.steps_total if row.status in FINAL else row.steps_done,
    }


def full_form(row: Row[Any]) -> Form:
    """Give an execution whole; its JSON columns were read as text."""
    return list_form(row) | {
        "trigger": _json(row.trigger),
        "input": _json(row.input),
        "output": _json(row.output),
    }


def fresh_form(row: Row[Any], given: Json, trigger: Json, paused: bool) -> Form:
    """Give an execution that was just made, from its new row, its input as `given` and its trigger."""
    form = list_form(row) | {"trigger": trigger, "input": given, "output": None}
    if row.status == Status.PENDING and row.run_at is not None and row.run_at > row.created_at:
        form["reason"] = Reason.DELAYED.value
    elif row.status == Status.PENDING and paused:
        form["reason"] = Reason.PAUSED.value
    return form


def detail_form(row: Row[Any], steps: list[Form], retries: list[UUID], children: list[UUID]) -> Form:
    """Give an execution with its steps and the ids of what came out of it."""
    related = {"retries": [str(key) for key in retries], "children": [str(key) for key in children]}
    return full_form(row) | {"steps": steps} | related


def step_form(row: Row[Any], step_execution_id: UUID, most: int | None = MOST_INLINE) -> Form:
    """Give a step; an input or output of more than `most` bytes is null and said to be truncated."""
    given, given_truncated = _inline(row.input, row.input_truncated, most)
    output, output_truncated = _inline(row.output, row.output_truncated, most)
    return {
        "id": str(step_execution_id),
        "stepId": row.step_id,
        "type": row.type,
        "name": row.name,
        "status": row.status,
        "attempt": row.attempt,
        "input": given,
        "inputTruncated": given_truncated,
        "output": output,
        "outputTruncated": output_truncated,
        "error": row.error,
        "startedAt": rfc3339(row.started_at),
        "completedAt": rfc3339(row.completed_at),
        "durationMs": milliseconds(row.started_at, row.completed_at),
        "wakeAt": rfc3339(row.wake_at),
        "reusedFrom": _id(row.reused_from),
        "items": _json(row.items),
        "attempts": _attempts(row),
    }


def item_form(row: Row[Any]) -> Form:
    """Give one item of a forEach."""
    return {
        "index": row.index,
        "status": row.status,
        "attempt": row.attempt,
        "output": _json(row.output),
        "error": row.error,
    }


def log_form(row: Row[Any]) -> Form:
    """Give one line of a step's log."""
    return {"at": rfc3339(row.at), "level": row.level, "message": row.message}


def milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    """Give how long something took; None until it has ended, and where it never started."""
    return None if start is None or end is None else round((end - start).total_seconds() * 1000)


def _attempts(row: Row[Any]) -> Json:
    """Give the attempts: none before the first, the row itself where only one was needed."""
    if row.attempts is not None:
        return _json(row.attempts)
    if row.started_at is None or row.status == StepStatus.PENDING:
        return []
    times = {"startedAt": rfc3339(row.started_at), "completedAt": rfc3339(row.completed_at)}
    return [{"number": row.attempt} | times | {"error": row.error}]


def _inline(text: str | None, truncated: bool, most: int | None) -> tuple[Json, bool]:
    """Parse JSON text unless it is too long; Postgres writes spaces in it that do not count."""
    if text is None or truncated:
        return None, truncated
    value = _json(text)
    if most is not None and len(text) > most // 4 and len(strictjson.dumps(value)) > most:
        return None, True
    return value, False


def _json(text: str | None) -> Json:
    return None if text is None else strictjson.loads_stored(text)


def _id(key: UUID | None) -> str | None:
    return None if key is None else str(key)

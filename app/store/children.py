"""Executions that other executions start: children, and the handlers of failures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app.errors import DailyLimit, TooManyPending
from app.states import Reason, TriggeredBy
from app.store import execution_forms, execution_views, executions, news
from app.store.allowance import Allowance
from app.store.executions import Draft

Json = Any
Misfit = Callable[[Json, Json], str | None]
DEEPEST = 10


@dataclass(frozen=True, slots=True)
class Parent:
    """An execution as its worker owns it."""

    id: UUID
    workspace_id: UUID
    claim_no: int
    worker: str


@dataclass(frozen=True, slots=True)
class Checks:
    """What a child must pass: `misfit` says what keeps an input from fitting an inputSchema, or None."""

    misfit: Misfit
    allowance: Allowance


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a child cannot be; `reason` is what its parent's failure is put down to, by default the step."""

    why: str
    reason: Reason | None = None


LOCK = """
SELECT triggered_by, trigger, depth FROM executions
WHERE id = %(id)s AND workspace_id = %(workspace)s AND worker = %(worker)s AND claim_no = %(claim)s
  AND status = 'running' AND cancel_requested_at IS NULL
FOR NO KEY UPDATE
"""


def start(
    tx: Connection, parent: Parent, place: str, workflow_id: UUID, input: Json, checks: Checks
) -> Row[Any] | Refused:
    """Make the child of a place, or give the one that is there, or say why it cannot be."""
    given = {
        "id": str(parent.id),
        "workspace": str(parent.workspace_id),
        "worker": parent.worker,
        "claim": parent.claim_no,
    }
    row = tx.exec_driver_sql(LOCK, given).one_or_none()
    if row is None:
        return Refused("The execution was cancelled or taken over before its child could start")
    if (child := news.child(tx, parent.id, place)) is not None:
        return child
    if _aborted(tx, parent.id, place):
        return Refused("The step was aborted before its child could start")
    workflow = executions.triggerable(tx, parent.workspace_id, [workflow_id]).get(workflow_id)
    if (why := _obstacle(row, workflow_id, workflow, input, checks.misfit)) is not None:
        return Refused(why)
    try:
        checks.allowance.open(tx, {parent.workspace_id}).take(parent.workspace_id, 1)
    except (TooManyPending, DailyLimit) as error:
        return Refused(f"The child was refused: {error.detail}", Reason.QUOTA_EXCEEDED)
    draft = _draft(row, workflow, parent.workspace_id, parent.id, place, input)
    return executions.create_many(tx, [draft])[0]


# The parent is locked by then, so its worker cannot abort the step in between.
ABORTED = """
SELECT EXISTS (SELECT 1 FROM execution_steps
    WHERE execution_id = %(parent)s AND step_id = %(step)s AND status IN ('failed', 'cancelled'))
  OR EXISTS (SELECT 1 FROM execution_step_items
    WHERE execution_id = %(parent)s AND step_id = %(step)s AND index = %(index)s AND status = 'cancelled')
"""


def _aborted(tx: Connection, parent_id: UUID, place: str) -> bool:
    """Tell whether nobody would wait for a child at a place: `step`, or `step[item:attempt]`."""
    step, _, which = place.removesuffix("]").partition("[")
    index = which.partition(":")[0]
    given = {"parent": str(parent_id), "step": step, "index": int(index) if index else None}
    return bool(tx.exec_driver_sql(ABORTED, given).scalar_one())


def _obstacle(parent: Any, workflow_id: UUID, workflow: Any, input: Json, misfit: Misfit) -> str | None:
    """Say what keeps a child from being made."""
    if parent.depth >= DEEPEST:
        return f"Executions may start one another {DEEPEST} deep: this would be deeper"
    if workflow is None:
        return f"There is no workflow {workflow_id} in this workspace"
    if not workflow.enabled:
        return f"The workflow {workflow.name!r} is disabled"
    return None if workflow.input_schema is None else misfit(workflow.input_schema, input)


def _draft(
    row: Any, workflow: Any, workspace_id: UUID, parent_id: UUID, place: str | None, input: Json
) -> Draft:
    return Draft(
        workspace_id=workspace_id,
        space_id=workflow.space_id,
        workflow_id=workflow.id,
        workflow_name=workflow.name,
        workflow_version=workflow.version,
        steps_total=workflow.steps_total,
        triggered_by=TriggeredBy(row.triggered_by),
        trigger=row.trigger,
        input=input,
        parent_id=parent_id,
        parent_step=place,
        depth=row.depth + 1,
    )


HANDLED = """
SELECT e.id, e.workspace_id, e.triggered_by, e.trigger, e.depth, e.workflow_id,
  (v.definition->'onFailure'->>'workflowId')::uuid AS handler
FROM executions e JOIN workflow_versions v ON v.workflow_id = e.workflow_id AND v.number = e.workflow_version
WHERE e.id = ANY(%(ids)s::uuid[]) AND e.status = 'failed' AND v.definition ? 'onFailure'
"""


def start_handlers(tx: Connection, failed: Sequence[UUID]) -> list[Row[Any]]:
    """Start what the definitions of failed executions name in `onFailure`; never a workflow for itself.

    The input is the failed execution in list form. A handler that is gone or disabled is left out.
    """
    drafts = []
    for row in tx.exec_driver_sql(HANDLED, {"ids": [str(i) for i in failed]}).all():
        found = executions.triggerable(tx, row.workspace_id, [row.handler])
        workflow = found.get(row.handler)
        if workflow is None or not workflow.enabled or row.handler == row.workflow_id or row.depth >= DEEPEST:
            continue
        [shown] = execution_views.many(tx, row.workspace_id, [row.id])
        form = execution_forms.list_form(shown)
        drafts.append(_draft(row, workflow, row.workspace_id, row.id, None, form))
    return executions.create_many(tx, drafts) if drafts else []

"""Which orders are let in: keys used before are answered again, workflows are bound, executions are made."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import current_app
from sqlalchemy import Connection, Row

from app.engine.input_schema import InputSchema
from app.errors import (
    Fault,
    IdempotencyKeyReused,
    LineaError,
    NotFound,
    ValidationFailed,
    WorkflowDeleted,
    WorkflowDisabled,
)
from app.services.orders import BATCH, Accepted, Order, TriggerRequest
from app.store import executions as store
from app.store import idempotency
from app.store.allowance import Allowance
from app.store.executions import Draft
from app.store.idempotency import KeyUse

Place = tuple[str, str, str]
Workflows = dict[tuple[UUID, UUID], Row[Any]]
Plan = list[Draft | UUID]


class KeyTaken(Exception):
    """Another process claimed a key first, and has committed: the group is tried again and finds it."""


def admit(tx: Connection, orders: Sequence[Order]) -> list[Accepted | LineaError]:
    """Make the executions of all orders that may be made; the others get their own error. Never commits.

    No key may stand in two of the orders. Raises KeyTaken.
    """
    earlier = idempotency.find(tx, [use for order in orders for use in order.uses()])
    workflows = _workflows(tx, orders)
    allowed = _allowance().open(tx, {order.scope.workspace_id for order in orders})
    results: dict[int, Accepted | LineaError] = {}
    plans: dict[int, Plan] = {}
    for number, order in enumerate(orders):
        try:
            if (replay := _earlier(order.use(), earlier)) is not None:
                results[number] = Accepted(replay)
            else:
                plan = _plan(order, workflows, earlier)
                new = sum(isinstance(member, Draft) for member in plan)
                allowed.take(order.scope.workspace_id, new)
                plans[number] = plan
        except LineaError as error:
            results[number] = error
    _claim_keys(tx, orders, plans)
    return _make(tx, plans, results, len(orders))


def _allowance() -> Allowance:
    allowance: Allowance = current_app.extensions["allowance"]
    return allowance


def _make(
    tx: Connection, plans: dict[int, Plan], results: dict[int, Accepted | LineaError], count: int
) -> list[Accepted | LineaError]:
    """Create what is new in one statement, and give each order its own part."""
    drafts = [member for plan in plans.values() for member in plan if isinstance(member, Draft)]
    rows = {row.id: row for row in store.create_many(tx, drafts)} if drafts else {}
    for number, plan in plans.items():
        ids = tuple(member.id if isinstance(member, Draft) else member for member in plan)
        results[number] = Accepted(ids, tuple(rows[i] for i in ids if i in rows))
    return [results[number] for number in range(count)]


def _earlier(use: KeyUse | None, earlier: dict[Place, Row[Any]]) -> tuple[UUID, ...] | None:
    """Give what a key made before; raise IdempotencyKeyReused when it stood for another body."""
    row = None if use is None else earlier.get(use.place)
    if use is None or row is None:
        return None
    if bytes(row.body_hash) != use.body_hash:
        message = (
            f"The idempotency key {use.key!r} was used with another body: take a new key for a new request."
        )
        raise IdempotencyKeyReused(message, faults=[Fault("idempotencyKey", message)])
    return tuple(row.execution_ids)


def _plan(order: Order, workflows: Workflows, earlier: dict[Place, Row[Any]]) -> Plan:
    """Draft what is new of an order, and name what its members' keys made before."""
    _refuse_doubled_keys(order)
    plan: Plan = []
    for number, request in enumerate(order.requests):
        try:
            made = _earlier(order.member_use(request), earlier)
            plan.append(made[0] if made else _draft(order, request, workflows))
        except LineaError as error:
            if order.route == BATCH:
                _name_member(error, number)
            raise
    return plan


def _name_member(error: LineaError, number: int) -> None:
    """Let an error say which member of a batch it is about."""
    place = f"executions[{number}]"
    error.detail = f"{place}: {error.detail}"
    error.faults = [Fault(f"{place}.{fault.path}", fault.message) for fault in error.faults]


def _refuse_doubled_keys(order: Order) -> None:
    seen: dict[str, int] = {}
    for number, request in enumerate(order.requests):
        if request.key is None:
            continue
        if request.key in seen:
            path = f"executions[{number}].idempotencyKey"
            fault = Fault(path, f"Is the key of executions[{seen[request.key]}] too: give each its own.")
            raise ValidationFailed("Two executions of the batch have one idempotency key.", faults=[fault])
        seen[request.key] = number


def _workflows(tx: Connection, orders: Sequence[Order]) -> Workflows:
    """Find the workflows that the orders name, by workspace and id."""
    wanted: dict[UUID, set[UUID]] = {}
    for order in orders:
        wanted.setdefault(order.scope.workspace_id, set()).update(r.workflow_id for r in order.requests)
    return {
        (workspace_id, workflow_id): row
        for workspace_id, ids in wanted.items()
        for workflow_id, row in store.triggerable(tx, workspace_id, list(ids)).items()
    }


def check_input(schema: Any, given: Any) -> None:
    """Raise ValidationFailed for an input that does not fit an inputSchema; None is no schema."""
    if schema is not None and (faults := InputSchema(schema).check(given)):
        raise ValidationFailed("The input does not fit the workflow's inputSchema.", faults=faults)


def _draft(order: Order, request: TriggerRequest, workflows: Workflows) -> Draft:
    """Bind a request to the workflow's current version, a retry to its own.

    Raises NotFound, WorkflowDisabled, WorkflowDeleted, and what refused the request before.
    """
    if request.refused is not None:
        raise request.refused
    again = request.again
    workflow = workflows.get((order.scope.workspace_id, request.workflow_id))
    if workflow is None or order.scope.space_id not in (None, workflow.space_id):
        raise _no_workflow(request)
    if not workflow.enabled:
        raise WorkflowDisabled(f"The workflow {workflow.name!r} is disabled: enable it to start executions.")
    if again is None:
        check_input(workflow.input_schema, request.input)
    return Draft(
        workspace_id=order.scope.workspace_id,
        space_id=workflow.space_id,
        workflow_id=workflow.id,
        workflow_name=workflow.name,
        workflow_version=again.version if again else workflow.version,
        steps_total=again.steps_total if again else workflow.steps_total,
        triggered_by=request.triggered_by,
        input=request.input,
        trigger=request.trigger,
        tags=request.tags,
        run_at=request.run_at,
        idempotency_key=request.key or order.key,
        webhook_id=request.webhook_id,
        schedule_id=request.schedule_id,
        attempt=again.attempt if again else 1,
        retry_of=again.execution_id if again else None,
        reused=again.reused if again else (),
    )


def _no_workflow(request: TriggerRequest) -> LineaError:
    if request.again is not None:
        return WorkflowDeleted("The workflow of the execution was deleted, so it cannot be retried.")
    return NotFound(f"There is no workflow {request.workflow_id} in this space.")


def _claim_keys(tx: Connection, orders: Sequence[Order], plans: dict[int, Plan]) -> None:
    """Claim the keys of what is new, in one order everywhere so that none waits in a ring."""
    uses: list[KeyUse | None] = []
    for number, plan in plans.items():
        order = orders[number]
        ids = tuple(member.id if isinstance(member, Draft) else member for member in plan)
        uses.append(order.use(ids))
        for request, member in zip(order.requests, plan, strict=True):
            uses.append(order.member_use(request, (member.id,)) if isinstance(member, Draft) else None)
    for use in sorted((use for use in uses if use is not None), key=lambda use: use.place):
        if not idempotency.claim(tx, use):
            raise KeyTaken

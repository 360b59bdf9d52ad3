"""Group commit on the way in: triggers that arrive together share one transaction."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row
from sqlalchemy.exc import DBAPIError

from app.errors import IdempotencyKeyReused, LineaError, NotFound, WorkflowDisabled
from app.services.scope import Scope
from app.services.transaction import is_away, transaction
from app.states import TriggeredBy
from app.store import executions as store
from app.store import idempotency
from app.store.idempotency import KeyUse

Json = Any
GROUP = 200


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """What a caller asks for: one execution of a workflow."""

    workflow_id: UUID
    input: Json
    triggered_by: TriggeredBy
    tags: tuple[str, ...] = ()
    run_at: datetime | None = None
    trigger: Json = None


@dataclass(frozen=True, slots=True)
class Order:
    """Requests that stand or fall together; `fingerprint` is the hash of the body that `key` stands for."""

    scope: Scope
    requests: tuple[TriggerRequest, ...]
    route: str
    key: str | None = None
    fingerprint: bytes = b""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of an order: its execution ids, and the new rows (none when it was a replay)."""

    execution_ids: tuple[UUID, ...]
    rows: tuple[Row[Any], ...] = ()

    @property
    def replayed(self) -> bool:
        """Tell whether an earlier request with the same key made the executions."""
        return not self.rows


@dataclass(slots=True, eq=False)
class Waiting:
    """An order in line, and where its thread finds the result."""

    order: Order
    done: threading.Event = field(default_factory=threading.Event)
    result: Accepted | LineaError | Exception | None = None


class Intake:
    """Lets the first thread in line commit for all that gathered behind the last commit."""

    def __init__(self) -> None:
        self._line: deque[Waiting] = deque()
        self._leader = threading.Lock()

    def submit(self, order: Order) -> Accepted:
        """Commit an order, alone or with others; raises the error that refused it."""
        mine = Waiting(order)
        self._line.append(mine)
        with self._leader:
            while not mine.done.is_set():
                self._commit([self._line.popleft() for _ in range(min(len(self._line), GROUP))])
        if isinstance(mine.result, Accepted):
            return mine.result
        raise mine.result or RuntimeError("an order was left without a result")

    def _commit(self, group: list[Waiting]) -> None:
        """Commit a group; one that the database refuses is halved until the bad order stands alone."""
        try:
            with transaction() as tx:
                results: Sequence[Accepted | LineaError] = admit(tx, [waiting.order for waiting in group])
        except LineaError as error:
            results = [error] * len(group)
        except Exception as error:  # noqa: BLE001 -- every order in the group must hear of it
            if len(group) > 1 and not (isinstance(error, DBAPIError) and is_away(error)):
                self._commit(group[: len(group) // 2])
                self._commit(group[len(group) // 2 :])
                return
            self._settle(group, [error] * len(group))
            return
        self._settle(group, results)

    def _settle(self, group: list[Waiting], results: Sequence[Accepted | LineaError | Exception]) -> None:
        for waiting, result in zip(group, results, strict=True):
            waiting.result = result
            waiting.done.set()


def admit(tx: Connection, orders: Sequence[Order]) -> list[Accepted | LineaError]:
    """Make the executions of all orders that may be made; the others get their own error. Never commits."""
    results: dict[int, Accepted | LineaError] = _replays(tx, dict(enumerate(orders)))
    drafts: dict[int, list[store.Draft]] = {}
    workflows = _workflows(tx, orders)
    for number, order in enumerate(orders):
        if number not in results:
            try:
                drafts[number] = [_draft(order, request, workflows) for request in order.requests]
            except LineaError as error:
                results[number] = error
    results |= _claim_keys(tx, orders, drafts)
    made = [number for number in drafts if number not in results]
    rows = iter(store.create_many(tx, [draft for number in made for draft in drafts[number]]) if made else [])
    for number in made:
        own = tuple(next(rows) for _ in drafts[number])
        results[number] = Accepted(tuple(row.id for row in own), own)
    return [results[number] for number in range(len(orders))]


def _use(order: Order, ids: tuple[UUID, ...] = ()) -> KeyUse:
    return KeyUse(order.scope.workspace_id, order.route, order.key or "", order.fingerprint, ids)


def _replays(tx: Connection, orders: dict[int, Order]) -> dict[int, Accepted | LineaError]:
    """Answer the orders whose key was used before."""
    uses = {number: _use(order) for number, order in orders.items() if order.key is not None}
    found = idempotency.find(tx, list(uses.values())) if uses else {}
    return {number: _replay(use, found[use.place]) for number, use in uses.items() if use.place in found}


def _replay(use: KeyUse, earlier: Row[Any]) -> Accepted | LineaError:
    if bytes(earlier.body_hash) != use.body_hash:
        return IdempotencyKeyReused(
            "This idempotency key was used with another body: take a new key for a new request"
        )
    return Accepted(tuple(earlier.execution_ids))


def _workflows(tx: Connection, orders: Sequence[Order]) -> dict[tuple[UUID, UUID], Row[Any]]:
    """Find the workflows that the orders name, by workspace and id."""
    wanted: dict[UUID, set[UUID]] = {}
    for order in orders:
        wanted.setdefault(order.scope.workspace_id, set()).update(r.workflow_id for r in order.requests)
    return {
        (workspace_id, workflow_id): row
        for workspace_id, ids in wanted.items()
        for workflow_id, row in store.triggerable(tx, workspace_id, list(ids)).items()
    }


def _draft(
    order: Order, request: TriggerRequest, workflows: dict[tuple[UUID, UUID], Row[Any]]
) -> store.Draft:
    """Bind a request to the workflow's current version; raises NotFound, WorkflowDisabled."""
    workflow = workflows.get((order.scope.workspace_id, request.workflow_id))
    if workflow is None or order.scope.space_id not in (None, workflow.space_id):
        raise NotFound(f"There is no workflow {request.workflow_id} in this space")
    if not workflow.enabled:
        raise WorkflowDisabled(f"The workflow {workflow.name!r} is disabled: enable it to start executions")
    return store.Draft(
        workspace_id=order.scope.workspace_id,
        space_id=workflow.space_id,
        workflow_id=workflow.id,
        workflow_name=workflow.name,
        workflow_version=workflow.version,
        steps_total=workflow.steps_total,
        triggered_by=request.triggered_by,
        input=request.input,
        trigger=request.trigger,
        tags=request.tags,
        run_at=request.run_at,
        idempotency_key=order.key,
    )


def _claim_keys(
    tx: Connection, orders: Sequence[Order], drafts: dict[int, list[store.Draft]]
) -> dict[int, Accepted | LineaError]:
    """Claim the keys in one order everywhere, so that none waits in a ring; answer those that lost."""
    uses = {n: _use(orders[n], tuple(d.id for d in drafts[n])) for n in drafts if orders[n].key is not None}
    ordered = sorted(uses, key=lambda number: uses[number].place)
    lost = [number for number in ordered if not idempotency.claim(tx, uses[number])]
    return _replays(tx, {number: orders[number] for number in lost}) if lost else {}

"""Executions as a caller may see them: lists, one with its steps, a step with its items and log."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app.errors import NotFound
from app.services.orders import Accepted, TriggerRequest
from app.services.paging import Listing, Page
from app.services.scope import Scope
from app.services.step_ids import step_execution_id
from app.services.transaction import reading
from app.states import FINAL
from app.store import execution_forms as forms
from app.store import execution_views as store
from app.store import step_views
from app.store.execution_filters import Filters, Place
from app.store.execution_forms import Form
from app.store.step_views import Bound


def listed(scope: Scope, filters: Filters, cursor: str | None, limit: int) -> Page[Form]:
    """List executions, newest first, in list form; a page may be short while it has a next cursor.

    Raises ValidationFailed for a cursor of another list.
    """
    listing = listing_of(scope, filters)
    position = listing.position(cursor)
    with reading() as tx:
        page = store.page(tx, _place(scope), filters, UUID(position) if position else None, limit)
    following = None if page.before is None else listing.cursor(str(page.before))
    return Page([forms.list_form(row) for row in page.rows], following)


def listing_of(scope: Scope, filters: Filters) -> Listing:
    """Name the list of executions that cursors are bound to."""
    return Listing("executions", scope.workspace_id, scope.space_id, _as_json(filters))


def one(scope: Scope, execution_id: UUID) -> Form:
    """Show one execution with its input and output; raises NotFound."""
    with reading() as tx:
        return one_in(tx, scope, execution_id)


def one_in(tx: Connection, scope: Scope, execution_id: UUID) -> Form:
    """Show one execution as a transaction sees it; raises NotFound."""
    return forms.full_form(_full(tx, scope, execution_id))


def detail(scope: Scope, execution_id: UUID) -> Form:
    """Show one execution with its steps, retries and children; raises NotFound."""
    with reading() as tx:
        row = _full(tx, scope, execution_id)
        steps = step_views.steps(tx, _bound(row))
        retries, children = store.related(tx, scope.workspace_id, execution_id)
    shown = [forms.step_form(step, step_execution_id(execution_id, step.step_id)) for step in steps]
    return forms.detail_form(row, shown, retries, children)


def accepted(scope: Scope, made: Accepted, requests: Sequence[TriggerRequest]) -> list[Form]:
    """Show what a trigger made without reading it back; what an earlier one made, as it is now.

    Raises NotFound when what the earlier one made is gone.
    """
    new = {row.id: row for row in made.rows}
    old = [execution_id for execution_id in made.execution_ids if execution_id not in new]
    shown = _shown_again(scope, old) if old else {}
    for execution_id, request in zip(made.execution_ids, requests, strict=True):
        if row := new.get(execution_id):
            shown[execution_id] = forms.fresh_form(row, request.input, request.trigger, row.paused)
    return [shown[execution_id] for execution_id in made.execution_ids]


def _shown_again(scope: Scope, execution_ids: Sequence[UUID]) -> dict[UUID, Form]:
    """Show what earlier requests with the same keys made, as it is now, by id."""
    with reading() as tx:
        rows = store.many(tx, scope.workspace_id, execution_ids)
    if len(rows) < len(set(execution_ids)):
        raise NotFound("What this idempotency key made is gone: take a new key for a new request.")
    return {row.id: forms.full_form(row) for row in rows}


def step(scope: Scope, execution_id: UUID, step_id: str) -> Form:
    """Show one step whole, however long its input and output are; raises NotFound."""
    with reading() as tx:
        row = step_views.step(tx, _bound(_head(tx, scope, execution_id)), step_id)
    if row is None:
        raise _no_step(execution_id, step_id)
    return forms.step_form(row, step_execution_id(execution_id, step_id), most=None)


def items(scope: Scope, execution_id: UUID, step_id: str, cursor: str | None, limit: int) -> Page[Form]:
    """List the items of a forEach in order of their index; raises NotFound, ValidationFailed (cursor)."""
    listing = Listing(f"items {execution_id} {step_id}", scope.workspace_id, scope.space_id)
    after = listing.position(cursor)
    with reading() as tx:
        bound = _with_step(tx, scope, execution_id, step_id)
        rows = step_views.items(tx, bound, step_id, -1 if after is None else after, limit + 1)
    shown = rows[:limit]
    more = bool(shown) and shown[-1].found > len(shown)
    following = listing.cursor(shown[-1].index) if more else None
    return Page([forms.item_form(row) for row in shown], following)


def logs(scope: Scope, execution_id: UUID, step_id: str, cursor: str | None, limit: int) -> Page[Form]:
    """List the log lines of a step, oldest first; raises NotFound, ValidationFailed (cursor)."""
    listing = Listing(f"logs {execution_id} {step_id}", scope.workspace_id, scope.space_id)
    after = listing.position(cursor)
    with reading() as tx:
        bound = _with_step(tx, scope, execution_id, step_id)
        rows = step_views.logs(tx, bound, step_id, after or 0, limit + 1)
    page = listing.page(rows, limit, lambda row: row.id)
    return Page([forms.log_form(row) for row in page.data], page.next_cursor)


def _place(scope: Scope) -> Place:
    return Place(scope.workspace_id, scope.space_id)


def _head(tx: Connection, scope: Scope, execution_id: UUID) -> Row[Any]:
    return _found(store.head(tx, _place(scope), execution_id), execution_id)


def _full(tx: Connection, scope: Scope, execution_id: UUID) -> Row[Any]:
    return _found(store.full(tx, _place(scope), execution_id), execution_id)


def _found(row: Row[Any] | None, execution_id: UUID) -> Row[Any]:
    if row is None:
        raise NotFound(f"There is no execution {execution_id} here: it may be in another space, or deleted.")
    return row


def _bound(row: Row[Any]) -> Bound:
    return Bound(row.workspace_id, row.id, row.workflow_id, row.workflow_version, row.status in FINAL)


def _with_step(tx: Connection, scope: Scope, execution_id: UUID, step_id: str) -> Bound:
    bound = _bound(_head(tx, scope, execution_id))
    if not step_views.has_step(tx, bound, step_id):
        raise _no_step(execution_id, step_id)
    return bound


def _no_step(execution_id: UUID, step_id: str) -> NotFound:
    return NotFound(f"The execution {execution_id} has no step {step_id!r}: its detail lists its steps.")


def _as_json(filters: Filters) -> dict[str, Any]:
    """Write the filters that are set as JSON, so that a cursor can be bound to them."""
    values = {member.name: getattr(filters, member.name) for member in fields(filters)}
    return {
        name: sorted(value) if isinstance(value, frozenset) else str(value)
        for name, value in values.items()
        if value
    }

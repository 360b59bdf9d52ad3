"""Bulk cancels and retries: counted, kept and begun here; the tick sees them through."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError

from app import log
from app.clock import new_id, rfc3339
from app.errors import DatabaseUnavailable, Fault, NotFound
from app.services.bulk_batches import Kind, Operation, go_on
from app.services.scope import Scope
from app.services.transaction import reading, transaction
from app.store import bulk_operations as store
from app.store import installation, selections
from app.store.bulk_operations import NewOperation
from app.store.execution_filters import Filters, Place
from app.store.selections import Walk

MOST_COUNTED = 10_000
COUNT_SECONDS = 3.0
AT_ONCE_SECONDS = 0.3
View = dict[str, Any]

logger = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which executions are meant: `ids`, those that `filters` let through, or with both what is in both."""

    ids: tuple[UUID, ...] | None
    filters: Filters | None


@dataclass(frozen=True, slots=True)
class Matched:
    """What a selection came to; `ids` is None where there are more than `count`, or it takes long to tell."""

    count: int
    ids: Sequence[UUID] | None

    def form(self) -> View:
        """Give the member that tells how many."""
        return _matched(self.count, self.ids is None)


def dry_run(scope: Scope, selection: Selection) -> View:
    """Count what a bulk operation would be about, and do nothing; raises what `start` does."""
    return {"bulkId": None, **_match(scope, selection, _database_now()).form()}


def start(scope: Scope, kind: Kind, selection: Selection) -> View:
    """Begin a bulk operation on what the selection lets through now; the tick goes on with the rest of it.

    What is created from now on is left alone. Raises NotFound for ids that are not of this place.
    """
    now = _database_now()
    matched = _match(scope, selection, now)
    filters = selection.filters or Filters()
    place, operation_id = _place(scope), new_id()
    operation = Operation(operation_id, place, kind, matched.ids is not None, filters, None, now)
    with transaction() as tx:
        store.create(tx, NewOperation(operation_id, place, kind, matched.count, matched.ids, filters, now))
    try:
        go_on([operation], AT_ONCE_SECONDS)
    except (DBAPIError, DatabaseUnavailable) as error:
        logger.warning("the tick sees a bulk operation through", id=str(operation_id), error=str(error))
    return {"bulkId": str(operation_id), **matched.form()}


def show(scope: Scope, operation_id: UUID) -> View:
    """Tell how far a bulk operation is; raises NotFound."""
    with reading() as tx:
        row = store.one(tx, _place(scope), operation_id)
    if row is None:
        raise NotFound(f"There is no bulk operation {operation_id} here: it may be in another space, or old.")
    return _view(row)


def running(scope: Scope, limit: int) -> list[View]:
    """Tell how far those are that are not completed, the oldest first."""
    with reading() as tx:
        return [_view(row) for row in store.running_here(tx, _place(scope), limit)]


def _view(row: Row[Any]) -> View:
    return {
        "bulkId": str(row.id),
        "kind": row.kind,
        "spaceId": row.space_id and str(row.space_id),
        "status": row.status,
        **_matched(row.matched, row.at_least),
        "done": row.done,
        "skipped": row.skipped,
        "createdAt": rfc3339(row.created_at),
        "completedAt": rfc3339(row.completed_at),
    }


def _match(scope: Scope, selection: Selection, before: datetime) -> Matched:
    """Find what a selection comes to; raises NotFound for ids that are not of this place."""
    place, filters = _place(scope), selection.filters
    with reading() as tx:
        if selection.ids is not None:
            _require(selection.ids, selections.known(tx, place, selection.ids))
            ids = sorted(set(selection.ids))
            found = ids if filters is None else selections.narrowed(tx, place, filters, ids)
            return Matched(len(found), found)
        walk = Walk(place, filters or Filters(), before)
        chunk = selections.search(tx, walk, None, MOST_COUNTED + 1, COUNT_SECONDS)
    return Matched(min(len(chunk.ids), MOST_COUNTED), chunk.ids if chunk.edge is None else None)


def _require(wanted: Sequence[UUID], known: set[UUID]) -> None:
    for number, execution_id in enumerate(wanted):
        if execution_id not in known:
            fault = Fault(f"ids[{number}]", f"There is no execution {execution_id} here.")
            raise NotFound(f"{fault.path}: {fault.message}", faults=[fault])


def _matched(count: int, at_least: bool) -> View:
    return {"matchedAtLeast" if at_least else "matched": count}


def _place(scope: Scope) -> Place:
    return Place(scope.workspace_id, scope.space_id)


def _database_now() -> datetime:
    with reading() as tx:
        found: datetime = installation.read(tx).database_now
    return found

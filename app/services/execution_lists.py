"""What the page of a list of executions shows beside its rows: outcomes, choices, the way to newer ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from app.clock import now
from app.services.execution_views import listing_of
from app.services.scope import Scope
from app.services.transaction import reading
from app.store import histogram, list_choices, selections
from app.store.execution_filters import CLOCK_SLACK, Filters, Place
from app.store.selections import Walk

MOST_COUNTED = histogram.MOST
NEWER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Executions by the time they were made: `spans` of `length` each, by start, with counts by status."""

    spans: dict[datetime, dict[str, int]]
    length: timedelta

    @property
    def totals(self) -> dict[str, int]:
        """Sum the counts up by status."""
        found: dict[str, int] = {}
        for counts in self.spans.values():
            for status, count in counts.items():
                found[status] = found.get(status, 0) + count
        return found


def outcomes(scope: Scope, filters: Filters) -> Outcomes:
    """Count how the newest executions of a list ended, MOST_COUNTED of them at most, in one query."""
    with reading() as tx:
        rows = histogram.counts(tx, _place(scope), filters)
    spans: dict[datetime, dict[str, int]] = {}
    for row in rows:
        spans.setdefault(row.start, {})[row.status] = row.number
    return Outcomes(spans, timedelta(seconds=rows[0].seconds if rows else 1))


def workflows(scope: Scope, limit: int) -> Sequence[Row[Any]]:
    """Give `id, name, enabled` of the workflows of the space, by name."""
    with reading() as tx:
        return list_choices.workflows(tx, scope.workspace_id, scope.space_id, limit)


def ended_steps(scope: Scope, execution_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Count the completed and the failed steps of executions, by id; asks nothing for none."""
    if not execution_ids:
        return {}
    with reading() as tx:
        rows = list_choices.ended_steps(tx, scope.workspace_id, execution_ids)
    return {str(row.execution_id): (row.completed, row.failed) for row in rows}


def newer(scope: Scope, filters: Filters, after: UUID, limit: int) -> str | None:
    """Give the cursor of the page of `limit` rows just newer than `after`; None for the first page."""
    walk = Walk(_place(scope), filters, now() + CLOCK_SLACK)
    with reading() as tx:
        chunk = selections.search(tx, walk, after, limit + 1, NEWER_SECONDS)
    if chunk.edge is None or len(chunk.ids) <= 1:
        return None
    return listing_of(scope, filters).cursor(str(chunk.ids[-1]))


def _place(scope: Scope) -> Place:
    return Place(scope.workspace_id, scope.space_id)

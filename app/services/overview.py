"""What pages show beside workflows, schedules and webhooks: names, and what ran last."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from app.services.scope import Scope
from app.services.transaction import reading
from app.store import overview as store

MOST_CHOICES = 1_000


def choices(scope: Scope) -> dict[UUID, str]:
    """Give the names of the workflows of a space that one can choose from, in order of their names."""
    if scope.space_id is None:
        return {}
    with reading() as tx:
        rows = store.names(tx, scope.workspace_id, scope.space_id, MOST_CHOICES)
    return {row.id: row.name for row in sorted(rows, key=lambda row: row.name.casefold())}


def names(scope: Scope, ids: Collection[UUID]) -> dict[UUID, str]:
    """Give the names of some workflows by their ids; of those that are gone there is none."""
    with reading() as tx:
        return {row.id: row.name for row in store.names_of(tx, scope.workspace_id, set(ids))}


def latest(scope: Scope, ids: Collection[UUID]) -> dict[UUID, Row[Any]]:
    """Give `id, status, created_at` of the last execution of each workflow that had one, by the workflow."""
    with reading() as tx:
        return {row.workflow_id: row for row in store.latest(tx, scope.workspace_id, ids)}

"""Spaces: made, renamed and deleted here."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row

from app.clock import new_id
from app.errors import NotFound
from app.services import deletions
from app.services.paging import Listing, Page
from app.services.scope import Scope
from app.services.transaction import reading, transaction
from app.store import spaces as store
from app.store.deletions import Deleted, silence


def require(scope: Scope) -> UUID:
    """Give the space of the scope; raise NotFound when the workspace has no such one."""
    space_id = scope.named_space_id
    with reading() as tx:
        if not store.exists(tx, scope.workspace_id, space_id):
            raise _unknown(space_id)
    return space_id


def create(scope: Scope, name: str) -> Row[Any]:
    """Make a space."""
    with transaction() as tx:
        return store.create(tx, scope.workspace_id, new_id(), name)


def show(scope: Scope) -> Row[Any]:
    """Read the space of the scope; raise NotFound."""
    space_id = scope.named_space_id
    with reading() as tx:
        return _found(store.get(tx, scope.workspace_id, space_id), space_id)


def page(scope: Scope, cursor: str | None, limit: int) -> Page[Row[Any]]:
    """List spaces, newest first."""
    listing = Listing("spaces", scope.workspace_id)
    before = listing.position(cursor)
    with reading() as tx:
        rows = store.page(tx, scope.workspace_id, before and UUID(before), limit + 1)
    return listing.page(rows, limit, lambda row: str(row.id))


def rename(scope: Scope, name: str | None) -> Row[Any]:
    """Give the space of the scope another name, None for none; raise NotFound."""
    if name is None:
        return show(scope)
    space_id = scope.named_space_id
    with transaction() as tx:
        return _found(store.rename(tx, scope.workspace_id, space_id, name), space_id)


def delete(scope: Scope) -> None:
    """Delete the space of the scope with all in it; the rest of it goes later. Raises NotFound."""
    space_id = scope.named_space_id
    gone = Deleted("space_id", space_id, scope.workspace_id)
    with transaction() as tx:
        if not store.mark_deleted(tx, scope.workspace_id, space_id):
            raise _unknown(space_id)
        silence(tx, gone)
    deletions.purge(gone)


def _found(row: Row[Any] | None, space_id: UUID) -> Row[Any]:
    if row is None:
        raise _unknown(space_id)
    return row


def _unknown(space_id: UUID) -> NotFound:
    return NotFound(f"There is no space {space_id} in this workspace.")

"""Secrets of a workspace: set, named and deleted here; only a worker that sends a request reads them."""

from typing import Any

from sqlalchemy import Row

from app.errors import NotFound
from app.services.keyring import keyring
from app.services.paging import Listing, Page
from app.services.scope import Scope
from app.services.transaction import reading, transaction
from app.store import secrets as store


def put(scope: Scope, name: str, value: str) -> None:
    """Set a secret; the next request that names it gets the new value."""
    with transaction() as tx:
        store.put(tx, keyring(), scope.workspace_id, name, value)


def delete(scope: Scope, name: str) -> None:
    """Delete a secret; raise NotFound."""
    with transaction() as tx:
        if not store.remove(tx, scope.workspace_id, name):
            raise NotFound(f"There is no secret {name!r} in this workspace.")


def page(scope: Scope, cursor: str | None, limit: int) -> Page[Row[Any]]:
    """List secrets by name; their values are never shown."""
    listing = Listing("secrets", scope.workspace_id)
    after = listing.position(cursor)
    with reading() as tx:
        rows = store.page(tx, scope.workspace_id, after, limit + 1)
    return listing.page(rows, limit, lambda row: row.name)

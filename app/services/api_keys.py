"""API keys: made, listed and revoked here."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app import clock
from app.errors import Fault, NotFound, ValidationFailed
from app.services import identity, key_format
from app.services.paging import Listing, Page
from app.services.scope import Scope
from app.services.transaction import reading, transaction
from app.states import Role
from app.store import api_keys as store
from app.store import workspaces as workspace_store
from app.store.api_keys import NewKey


def create(
    workspace_id: UUID, name: str, role: Role, expires_at: datetime | None = None
) -> tuple[Row[Any], str]:
    """Make a key; give its row and the key itself, which nobody can be shown again.

    Raises NotFound for an unknown workspace, ValidationFailed for an expiry in the past.
    """
    if expires_at is not None and expires_at <= clock.now():
        message = "Must be in the future."
        raise ValidationFailed(f"expiresAt: {message}", faults=[Fault("expiresAt", message)])
    with transaction() as tx:
        if workspace_store.name_of(tx, workspace_id) is None:
            raise NotFound(f"There is no workspace {workspace_id}.")
        return add_key(tx, workspace_id, name, role, expires_at)


def add_key(
    tx: Connection, workspace_id: UUID, name: str, role: Role, expires_at: datetime | None = None
) -> tuple[Row[Any], str]:
    """Make a key inside a transaction."""
    key_id = clock.new_id()
    key = key_format.mint(key_id)
    new = NewKey(key_id, name, role.value, key_format.hash_of(key), expires_at)
    return store.create(tx, workspace_id, new), key


def page(scope: Scope, cursor: str | None, limit: int) -> Page[Row[Any]]:
    """List the keys of the workspace, newest first, without the keys themselves."""
    listing = Listing("api-keys", scope.workspace_id)
    before = listing.position(cursor)
    with reading() as tx:
        rows = store.page(tx, scope.workspace_id, before and UUID(before), limit + 1)
    return listing.page(rows, limit, lambda row: str(row.id))


def revoke(scope: Scope, key_id: UUID) -> None:
    """Delete a key, be it the last: who locked himself out has the command line. Raises NotFound."""
    with transaction() as tx:
        if not store.remove(tx, scope.workspace_id, key_id):
            raise NotFound(f"There is no API key {key_id} in this workspace.")
    identity.forget(key_id)

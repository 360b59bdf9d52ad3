"""Workspaces: made by the operator, with a first space and a key; and their quotas."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from app.clock import new_id
from app.errors import NotFound
from app.services.api_keys import add_key
from app.services.scope import Scope
from app.services.transaction import reading, transaction
from app.states import Role
from app.store import spaces as space_store
from app.store import workspaces as store

FIRST_SPACE = "default"
FIRST_KEY = "first key"


@dataclass(frozen=True, slots=True)
class Created:
    """A new workspace; its key is in no other place."""

    workspace_id: UUID
    space_id: UUID
    api_key: str


def create(name: str) -> Created:
    """Make a workspace with a space `default` and an admin key."""
    workspace_id, space_id = new_id(), new_id()
    with transaction() as tx:
        store.create(tx, workspace_id, name)
        space_store.create(tx, workspace_id, space_id, FIRST_SPACE)
        _, key = add_key(tx, workspace_id, FIRST_KEY, Role.ADMIN)
    return Created(workspace_id, space_id, key)


def every() -> Sequence[Row[Any]]:
    """List the workspaces of the installation (`id, name, created_at`), oldest first."""
    with reading() as tx:
        return store.every(tx)


def name_of(workspace_id: UUID) -> str:
    """Give the name of a workspace; raise NotFound."""
    with reading() as tx:
        name = store.name_of(tx, workspace_id)
    if name is None:
        raise NotFound(f"There is no workspace {workspace_id}.")
    return name


def quotas(scope: Scope) -> Row[Any]:
    """Read the quotas of the workspace."""
    with reading() as tx:
        return store.quotas(tx, scope.workspace_id)


def change_quotas(scope: Scope, changes: dict[str, int | None]) -> Row[Any]:
    """Change the quotas that are named; they hold from the next execution on."""
    if not changes:
        return quotas(scope)
    with transaction() as tx:
        return store.change_quotas(tx, scope.workspace_id, changes)

"""What a person means by an id or a name on the command line."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from app.errors import Fault, NotFound, ValidationFailed
from app.services.scope import Scope
from app.services.transaction import reading
from app.store import names as store

FIRST = "There is no workspace yet: make one with flask --app wsgi workspaces create NAME"


def workspace(text: str | None) -> UUID:
    """Find a workspace, by default the only one; raise NotFound, ValidationFailed for several."""
    with reading() as tx:
        rows = store.workspaces(tx, text)
    if text is None and not rows:
        raise NotFound(FIRST)
    if text is None and len(rows) > 1:
        raise _several("workspaces: say which one with --workspace", rows)
    return _only(rows, "workspace", text or "")


def workspace_of(execution_id: UUID) -> UUID:
    """Find the workspace of an execution; raise NotFound."""
    with reading() as tx:
        found = store.workspace_of(tx, execution_id)
    if found is None:
        raise NotFound(f"There is no execution {execution_id} here: it may have been deleted.")
    return found


def space(workspace_id: UUID, text: str) -> UUID:
    """Find a space of a workspace; raise NotFound, ValidationFailed for several."""
    with reading() as tx:
        return _only(store.spaces(tx, workspace_id, text), "space", text)


def workflow(scope: Scope, text: str) -> UUID:
    """Find a workflow of the scope; raise NotFound, ValidationFailed for several."""
    with reading() as tx:
        return _only(store.workflows(tx, scope.workspace_id, scope.space_id, text), "workflow", text)


def _only(rows: Sequence[Row[Any]], kind: str, text: str) -> UUID:
    if not rows:
        raise NotFound(f"There is no {kind} with the id or name {text!r}")
    if len(rows) > 1:
        raise _several(f"{kind}s of the name {text!r}: give the id", rows)
    found: UUID = rows[0].id
    return found


def _several(what: str, rows: Sequence[Row[Any]]) -> ValidationFailed:
    ids = ", ".join(f"{row.id} ({row.name})" for row in rows)
    more = ", …" if len(rows) == store.MOST else ""
    message = f"There are several {what}: {ids}{more}"
    return ValidationFailed(message, faults=[Fault("", message)])

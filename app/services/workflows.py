"""Workflows: saved as immutable versions, changed and deleted here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app import strictjson
from app.clock import new_id
from app.errors import Fault, InvalidDefinition, NotFound, PreconditionFailed
from app.services import definitions, deletions
from app.services.definitions import Checked
from app.services.paging import Listing, Page
from app.services.scope import Scope
from app.services.transaction import reading, transaction
from app.store import workflows as store
from app.store.deletions import Deleted, silence
from app.store.workflows import Key

PAGE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow with its current definition; `revision` rises with each change of anything."""

    id: UUID
    workspace_id: UUID
    space_id: UUID
    name: str
    definition: Any
    enabled: bool
    max_concurrency: int | None
    version: int
    revision: int
    warnings: list[Fault]
    created_at: Any
    updated_at: Any


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a workflow's definition."""

    version: int
    definition: Any
    created_at: Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """What saving a definition would say."""

    valid: bool
    errors: list[Fault]
    warnings: list[Fault]


def validate(scope: Scope, definition: Any) -> Verdict:
    """Check a definition as saving it would, and save nothing."""
    try:
        checked = definitions.check(definition)
    except InvalidDefinition as error:
        return Verdict(False, error.faults, [])
    with reading() as tx:
        return Verdict(True, [], _warnings(tx, scope.workspace_id, [checked])[0])


def create(scope: Scope, values: Mapping[str, Any]) -> Workflow:
    """Make a workflow of `name`, `definition`, `enabled` and `max_concurrency`; raise InvalidDefinition."""
    checked = definitions.check(values["definition"])
    key = _key(scope, new_id())
    with transaction() as tx:
        store.create(
            tx,
            key,
            name=values["name"],
            enabled=values["enabled"],
            max_concurrency=values["max_concurrency"],
            definition=values["definition"],
        )
        return _shown(tx, key, checked)


def show(scope: Scope, workflow_id: UUID) -> Workflow:
    """Read one workflow; raise NotFound."""
    with reading() as tx:
        return _shown(tx, _key(scope, workflow_id))


def page(scope: Scope, cursor: str | None, limit: int) -> Page[Workflow]:
    """List workflows, newest first; a page holds fewer than `limit` where definitions are large."""
    listing = Listing("workflows", scope.workspace_id, scope.space_id)
    before = listing.position(cursor)
    with reading() as tx:
        rows = store.page(
            tx, scope.workspace_id, scope.named_space_id, before and UUID(before), limit + 1, PAGE_BYTES
        )
        found = _workflows(tx, scope.workspace_id, rows, list(map(_checked, rows)))
        more = len(rows) > limit or (bool(rows) and _goes_on(tx, scope, rows[-1].id))
    shown = found[:limit]
    return Page(shown, listing.cursor(str(shown[-1].id)) if more else None)


def change(
    scope: Scope, workflow_id: UUID, changes: Mapping[str, Any], revisions: set[int] | None
) -> Workflow:
    """Change what is named; another definition, as a JSON value, becomes a new version.

    With `revisions` only while the workflow is at one of them. Raises NotFound, InvalidDefinition,
    PreconditionFailed.
    """
    checked = definitions.check(changes["definition"]) if "definition" in changes else None
    key = _key(scope, workflow_id)
    with transaction() as tx:
        row = _found(store.lock(tx, key), workflow_id)
        _require_revision(row, revisions)
        _apply(tx, key, row, changes)
        return _shown(tx, key, checked)


def delete(scope: Scope, workflow_id: UUID, revisions: set[int] | None) -> None:
    """Delete a workflow; the rest of it goes later. Raises NotFound, PreconditionFailed."""
    key, gone = _key(scope, workflow_id), Deleted("workflow_id", workflow_id, scope.workspace_id)
    with transaction() as tx:
        row = _found(store.lock(tx, key), workflow_id)
        _require_revision(row, revisions)
        store.mark_deleted(tx, key)
        silence(tx, gone)
    deletions.purge(gone)


def versions(scope: Scope, workflow_id: UUID, cursor: str | None, limit: int) -> Page[Version]:
    """List the versions of a workflow, newest first; raise NotFound."""
    listing = Listing("versions", scope.workspace_id, scope.space_id, str(workflow_id))
    before, key = listing.position(cursor), _key(scope, workflow_id)
    with reading() as tx:
        _found(store.get(tx, key), workflow_id)
        rows = store.version_page(tx, key, before, limit, PAGE_BYTES)
    shown = [_version(row) for row in rows]
    more = bool(shown) and shown[-1].version > 1
    return Page(shown, listing.cursor(shown[-1].version) if more else None)


def version(scope: Scope, workflow_id: UUID, number: int) -> Version:
    """Read one version; raise NotFound."""
    with reading() as tx:
        row = store.version(tx, _key(scope, workflow_id), number)
    if row is None:
        raise NotFound(f"There is no version {number} of a workflow {workflow_id} in this space.")
    return _version(row)


def _apply(tx: Connection, key: Key, row: Row[Any], changes: Mapping[str, Any]) -> None:
    """Write what differs, if anything does."""
    new = {
        name: value for name, value in changes.items() if name != "definition" and row._mapping[name] != value
    }
    definition = changes.get("definition")
    if definition is not None and not _same(definition, strictjson.loads_stored(row.definition)):
        new["version"] = row.version + 1
        store.add_version(tx, key, new["version"], definition)
    if new:
        store.change(tx, key, new)


def _same(one: Any, other: Any) -> bool:
    return strictjson.canonical(one) == strictjson.canonical(other)


def _require_revision(row: Row[Any], revisions: set[int] | None) -> None:
    if revisions is not None and row.revision not in revisions:
        raise PreconditionFailed("The workflow was changed since: read it again and repeat with its ETag.")


def _goes_on(tx: Connection, scope: Scope, last: UUID) -> bool:
    return bool(store.page(tx, scope.workspace_id, scope.named_space_id, last, 1, 1))


def _shown(tx: Connection, key: Key, checked: Checked | None = None) -> Workflow:
    row = _found(store.get(tx, key), key.id)
    return _workflows(tx, key.workspace_id, [row], [checked or _checked(row)])[0]


def _checked(row: Row[Any]) -> Checked:
    return definitions.checked(row.id, row.version, row.definition)


def _workflows(
    tx: Connection, workspace_id: UUID, rows: Sequence[Row[Any]], checked: Sequence[Checked]
) -> list[Workflow]:
    """Give workflows as they are shown, with what is doubtful about them now."""
    warnings = _warnings(tx, workspace_id, checked)
    return [
        Workflow(**{**row._mapping, "definition": strictjson.loads_stored(row.definition)}, warnings=found)
        for row, found in zip(rows, warnings, strict=True)
    ]


def _warnings(tx: Connection, workspace_id: UUID, checked: Sequence[Checked]) -> list[list[Fault]]:
    """List the warnings of each definition, given what its workspace has."""
    secrets = store.secret_names(tx, workspace_id)
    named: set[UUID] = set().union(*(one.workflow_ids for one in checked))
    workflows = store.existing(tx, workspace_id, named) if named else set()
    return [one.warnings(secrets, workflows) for one in checked]


def _version(row: Row[Any]) -> Version:
    return Version(row.number, strictjson.loads_stored(row.definition), row.created_at)


def _found(row: Row[Any] | None, workflow_id: UUID) -> Row[Any]:
    if row is None:
        raise NotFound(f"There is no workflow {workflow_id} in this space.")
    return row


def _key(scope: Scope, workflow_id: UUID) -> Key:
    return Key(scope.workspace_id, scope.named_space_id, workflow_id)

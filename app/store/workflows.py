"""Questions and changes about workflows and their versions; a deleted one does not exist for any of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    cast,
    func,
    insert,
    literal,
    select,
    update,
)

from app.models import Secret, Workflow, WorkflowVersion
from app.store import arrays

W, V = Workflow.__table__, WorkflowVersion.__table__
# Definitions are read as text: only our reader gives large numbers back as they came.
SHOWN = (
    W.c.id,
    W.c.workspace_id,
    W.c.space_id,
    W.c.name,
    W.c.enabled,
    W.c.max_concurrency,
    W.c.version,
    W.c.revision,
    W.c.created_at,
    W.c.updated_at,
    cast(V.c.definition, Text).label("definition"),
)
VERSION_SHOWN = (V.c.number, V.c.created_at, cast(V.c.definition, Text).label("definition"))


@dataclass(frozen=True, slots=True)
class Key:
    """Where a workflow is; every question names all three."""

    workspace_id: UUID
    space_id: UUID
    id: UUID


def create(
    tx: Connection, key: Key, *, name: str, enabled: bool, max_concurrency: int | None, definition: Any
) -> None:
    """Add a workflow with its first version."""
    row = {"id": key.id, "workspace_id": key.workspace_id, "space_id": key.space_id, "name": name}
    tx.execute(insert(W).values(**row, enabled=enabled, max_concurrency=max_concurrency, version=1))
    add_version(tx, key, 1, definition)


def add_version(tx: Connection, key: Key, number: int, definition: Any) -> None:
    """Add one version; it never changes again."""
    row = {"workflow_id": key.id, "number": number, "definition": definition}
    schema = definition.get("inputSchema")
    tx.execute(insert(V).values(**row, steps_total=len(definition["steps"]), input_schema=schema))


def get(tx: Connection, key: Key) -> Row[Any] | None:
    """Read one workflow with its current definition."""
    return tx.execute(_shown().where(_is(key))).one_or_none()


def lock(tx: Connection, key: Key) -> Row[Any] | None:
    """Read one workflow, and let nobody else change it before this transaction ends."""
    if tx.execute(select(W.c.id).where(_is(key)).with_for_update(key_share=True)).first() is None:
        return None
    return get(tx, key)


def change(tx: Connection, key: Key, values: dict[str, Any]) -> None:
    """Change columns of one workflow; its revision rises."""
    moved = {"revision": W.c.revision + 1, "updated_at": func.now()}
    tx.execute(update(W).where(_is(key)).values(**values, **moved))


def mark_deleted(tx: Connection, key: Key) -> None:
    """Make a workflow unknown from now on."""
    tx.execute(update(W).where(_is(key)).values(deleted_at=func.now()))


def page(
    tx: Connection, workspace_id: UUID, space_id: UUID, before: UUID | None, limit: int, most_bytes: int
) -> Sequence[Row[Any]]:
    """List workflows, newest first; at least one, but no more than `most_bytes` of definitions."""
    place = and_(W.c.workspace_id == workspace_id, W.c.space_id == space_id, W.c.deleted_at.is_(None))
    query = _shown().where(place).order_by(W.c.id.desc()).limit(limit)
    return _within(tx, query if before is None else query.where(W.c.id < before), "id", most_bytes)


def version_page(
    tx: Connection, key: Key, before: int | None, limit: int, most_bytes: int
) -> Sequence[Row[Any]]:
    """List versions of a workflow, newest first; as many as `most_bytes` of definitions allow."""
    query = select(*VERSION_SHOWN).join(W, W.c.id == V.c.workflow_id).where(_is(key))
    query = query.order_by(V.c.number.desc()).limit(limit)
    return _within(tx, query if before is None else query.where(V.c.number < before), "number", most_bytes)


def version(tx: Connection, key: Key, number: int) -> Row[Any] | None:
    """Read one version."""
    query = select(*VERSION_SHOWN).join(W, W.c.id == V.c.workflow_id)
    return tx.execute(query.where(_is(key), V.c.number == number)).one_or_none()


def secret_names(tx: Connection, workspace_id: UUID) -> set[str]:
    """Name the secrets that a workspace has."""
    return set(tx.execute(select(Secret.name).where(Secret.workspace_id == workspace_id)).scalars())


def existing(tx: Connection, workspace_id: UUID, ids: Collection[UUID]) -> set[UUID]:
    """Tell which of some ids are those of workflows in a workspace."""
    asked = W.c.id == any_(cast(literal(arrays.ids(ids)), ARRAY(Uuid())))
    query = select(W.c.id).where(W.c.workspace_id == workspace_id, W.c.deleted_at.is_(None), asked)
    return set(tx.execute(query).scalars())


def _shown() -> Select[Any]:
    return select(*SHOWN).join(V, and_(V.c.workflow_id == W.c.id, V.c.number == W.c.version))


def _within(tx: Connection, query: Select[Any], order: str, most_bytes: int) -> Sequence[Row[Any]]:
    """Run a query up to the row that passes `most_bytes` of definitions."""
    rows = query.subquery()
    column = rows.c[order]
    size = func.octet_length(rows.c.definition)
    before = func.sum(size).over(order_by=column.desc()) - size
    sized = select(rows, before.label("bytes_before")).subquery()
    shown = select(*[sized.c[column.name] for column in rows.c])
    return tx.execute(shown.where(sized.c.bytes_before < most_bytes).order_by(sized.c[order].desc())).all()


def _is(key: Key) -> ColumnElement[bool]:
    return and_(
        W.c.id == key.id,
        W.c.workspace_id == key.workspace_id,
        W.c.space_id == key.space_id,
        W.c.deleted_at.is_(None),
    )

"""Questions and changes about secrets; their values are encrypted here and nowhere else."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.crypto import Keyring
from app.models import Secret

S = Secret.__table__
SHOWN = (S.c.name, S.c.created_at, S.c.updated_at)
PLACE = "secrets"


def put(tx: Connection, keyring: Keyring, workspace_id: UUID, name: str, value: str) -> None:
    """Set a secret, new or not."""
    blob = keyring.encrypt(value, PLACE, workspace_id, name)
    adding = insert(S).values(workspace_id=workspace_id, name=name, value=blob)
    changes = {"value": adding.excluded.value, "updated_at": func.now()}
    tx.execute(adding.on_conflict_do_update(index_elements=[S.c.workspace_id, S.c.name], set_=changes))


def remove(tx: Connection, workspace_id: UUID, name: str) -> bool:
    """Delete a secret; False when there is no such one."""
    return tx.execute(delete(S).where(S.c.workspace_id == workspace_id, S.c.name == name)).rowcount == 1


def page(tx: Connection, workspace_id: UUID, after: str | None, limit: int) -> Sequence[Row[Any]]:
    """List secrets by name, without their values."""
    query = select(*SHOWN).where(S.c.workspace_id == workspace_id).order_by(S.c.name).limit(limit)
    return tx.execute(query if after is None else query.where(S.c.name > after)).all()


def values(tx: Connection, keyring: Keyring, workspace_id: UUID, names: Iterable[str]) -> dict[str, str]:
    """Read the values of those of `names` that exist; raise Undecryptable, UnknownKey."""
    query = select(S.c.name, S.c.value).where(S.c.workspace_id == workspace_id, S.c.name.in_(sorted(names)))
    return {
        row.name: keyring.decrypt(bytes(row.value), PLACE, workspace_id, row.name)
        for row in tx.execute(query)
    }

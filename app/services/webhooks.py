"""Webhooks: made, changed, rotated and deleted here, with the record of their deliveries."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row

from app.clock import rfc3339
from app.errors import NotFound
from app.services.keyring import keyring
from app.services.paging import Listing, Page
from app.services.scope import Scope
from app.services.transaction import reading, transaction
from app.services.verification import new_secret, require_usable
from app.store import deliveries as delivery_store
from app.store import old_deliveries
from app.store import webhooks as store
from app.store.webhooks import Key

PLACE = "webhooks"
PAGE_BYTES = 4 * 1024 * 1024
BATCH = 1_000
View = dict[str, Any]


def create(scope: Scope, values: Mapping[str, Any]) -> View:
    """Make a webhook; its `secret` is in this answer and in no other. Raises NotFound, ValidationFailed."""
    key = _key(scope, uuid4())
    verification, secret = _verification(values["verification"], None)
    with transaction() as tx:
        _require_workflow(tx, key, values["workflow_id"])
        plain = {name: values[name] for name in ("name", "workflow_id", "enabled", "respond")}
        store.create(tx, key, {**plain, "verification": verification, "secret": sealed(key.id, secret)})
        return {**_found(store.get(tx, key), key.id)._mapping, "secret": secret}


def show(scope: Scope, webhook_id: UUID) -> View:
    """Read one webhook; raise NotFound."""
    with reading() as tx:
        return dict(_found(store.get(tx, _key(scope, webhook_id)), webhook_id)._mapping)


def page(scope: Scope, cursor: str | None, limit: int) -> Page[View]:
    """List webhooks, newest first."""
    listing = Listing("webhooks", scope.workspace_id, scope.space_id)
    position = listing.position(cursor)
    before = (datetime.fromisoformat(position[0]), UUID(position[1])) if position else None
    with reading() as tx:
        rows = store.page(tx, scope.workspace_id, scope.named_space_id, before, limit + 1)
    found = listing.page(rows, limit, lambda row: [rfc3339(row.created_at), str(row.id)])
    return Page([dict(row._mapping) for row in found.data], found.next_cursor)


def change(scope: Scope, webhook_id: UUID, changes: Mapping[str, Any]) -> View:
    """Change what is named; a secret that this sets or makes is in the answer, once.

    With the scheme that it has, a webhook keeps its secret. Raises NotFound, ValidationFailed.
    """
    key = _key(scope, webhook_id)
    with transaction() as tx:
        row = _found(store.lock(tx, key), webhook_id)
        new, shown = dict(changes), {}
        if "workflow_id" in new:
            _require_workflow(tx, key, new["workflow_id"])
        if "verification" in new:
            new["verification"], secret = _verification(new["verification"], row.verification["scheme"])
            if secret is not None or new["verification"]["scheme"] == "none":
                new |= {"secret": sealed(key.id, secret), "old_secret": None, "old_secret_until": None}
                shown = {"secret": secret}
        if new:
            store.change(tx, key, new)
        return {**_found(store.get(tx, key), webhook_id)._mapping, **shown}


def rotate(scope: Scope, webhook_id: UUID, secret: str | None, keep_old_seconds: int) -> str:
    """Give a webhook a new secret, by default a made one; the old one is good for some seconds more.

    Raises NotFound, ValidationFailed.
    """
    key = _key(scope, webhook_id)
    with transaction() as tx:
        scheme = _found(store.lock(tx, key), webhook_id).verification["scheme"]
        chosen = secret or new_secret(scheme) or ""
        require_usable(scheme, chosen, "secret")
        store.rotate(tx, key, keyring().encrypt(chosen, PLACE, key.id), keep_old_seconds)
    return chosen


def delete(scope: Scope, webhook_id: UUID) -> None:
    """Delete a webhook: it is unknown at once, what it leaves goes with the tick. Raises NotFound."""
    with transaction() as tx:
        if not store.mark_deleted(tx, _key(scope, webhook_id)):
            raise _unknown(webhook_id)


def deliveries(scope: Scope, webhook_id: UUID, cursor: str | None, limit: int) -> Page[View]:
    """List deliveries, newest first; a page holds fewer than `limit` where bodies are large."""
    key = _key(scope, webhook_id)
    listing = Listing("deliveries", scope.workspace_id, scope.space_id, str(webhook_id))
    before = listing.position(cursor)
    with reading() as tx:
        _found(store.get(tx, key), webhook_id)
        rows = delivery_store.page(tx, key, before and UUID(before), limit, PAGE_BYTES)
        more = bool(rows) and bool(delivery_store.page(tx, key, rows[-1].id, 1, 1))
    return Page([_delivery(row) for row in rows], listing.cursor(str(rows[-1].id)) if more else None)


def newest_deliveries(scope: Scope, webhook_id: UUID, limit: int) -> list[View]:
    """Tell `id`, `outcome` and `count` of the newest deliveries, newest first; raise NotFound."""
    key = _key(scope, webhook_id)
    with reading() as tx:
        _found(store.get(tx, key), webhook_id)
        return [dict(row._mapping) for row in delivery_store.newest(tx, key, limit)]


def delivery(scope: Scope, webhook_id: UUID, delivery_id: UUID) -> View:
    """Read one delivery; raise NotFound."""
    return _delivery(delivery_row(scope, webhook_id, delivery_id))


def delivery_row(scope: Scope, webhook_id: UUID, delivery_id: UUID) -> Row[Any]:
    """Read one delivery as it is kept; raise NotFound."""
    key = _key(scope, webhook_id)
    with reading() as tx:
        _found(store.get(tx, key), webhook_id)
        row = delivery_store.get(tx, key, delivery_id)
    if row is None:
        raise NotFound(f"There is no delivery {delivery_id} of this webhook; they are kept for 7 days.")
    return row


def forget_old_deliveries(limit: int = BATCH) -> int:
    """Delete old deliveries and what deleted webhooks left, a batch of each; give how many rows."""
    with transaction() as tx:
        done = old_deliveries.forget(tx, limit)
        gone = old_deliveries.deleted(tx, limit)
    for webhook_id in gone:
        if done >= limit:
            break
        with transaction() as tx:
            done += old_deliveries.purge(tx, webhook_id, limit)
    return done


def sealed(webhook_id: UUID, secret: str | None) -> bytes | None:
    """Encrypt the secret of a webhook."""
    return None if secret is None else keyring().encrypt(secret, PLACE, webhook_id)


def opened(webhook_id: UUID, blobs: Sequence[bytes | None]) -> list[str]:
    """Decrypt those secrets of a webhook that it has; raise Undecryptable."""
    return [keyring().decrypt(bytes(blob), PLACE, webhook_id) for blob in blobs if blob is not None]


def _verification(given: Mapping[str, Any], scheme_before: str | None) -> tuple[View, str | None]:
    """Give how calls are to be verified, and the secret if that is a new one."""
    verification = {name: value for name, value in given.items() if name != "secret"}
    scheme, secret = verification["scheme"], given.get("secret")
    require_usable(scheme, secret, "verification.secret")
    if secret is None and scheme != scheme_before:
        secret = new_secret(scheme)
    return verification, secret


def _delivery(row: Row[Any]) -> View:
    body = None if row.body is None else bytes(row.body).decode(errors="replace")
    return {**row._mapping, "body": body}


def _require_workflow(tx: Connection, key: Key, workflow_id: UUID) -> None:
    if not store.has_workflow(tx, key.workspace_id, key.space_id, workflow_id):
        raise NotFound(f"There is no workflow {workflow_id} in this space.")


def _found(row: Row[Any] | None, webhook_id: UUID) -> Row[Any]:
    if row is None:
        raise _unknown(webhook_id)
    return row


def _unknown(webhook_id: UUID) -> NotFound:
    return NotFound(f"There is no webhook {webhook_id} in this space.")


def _key(scope: Scope, webhook_id: UUID) -> Key:
    return Key(scope.workspace_id, scope.named_space_id, webhook_id)

"""The record of webhook deliveries: each call that reached a webhook, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, and_, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from app.clock import new_id
from app.models import Space, Webhook, WebhookDelivery
from app.store.webhooks import Key

Json = Any
D, H, S = WebhookDelivery.__table__, Webhook.__table__, Space.__table__
ACCEPTED, DUPLICATE, REJECTED = "accepted", "duplicate", "rejected"
TOO_MANY = "too_many"
MOST_REJECTED = 60
REMEMBERED = text("interval '7 days'")
SHOWN = (
    D.c.id,
    D.c.received_at,
    D.c.outcome,
    D.c.reason,
    D.c.delivery_id,
    D.c.execution_id,
    D.c.method,
    D.c.query,
    D.c.headers,
    D.c.body,
    D.c.count,
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery as it is recorded."""

    webhook_id: UUID
    outcome: str
    method: str
    query: Json
    headers: Json
    reason: str | None = None
    delivery_id: str | None = None
    execution_id: UUID | None = None
    body: bytes | None = None
    id: UUID = field(default_factory=new_id)

    def values(self) -> dict[str, Any]:
        """Give the columns."""
        return {name: getattr(self, name) for name in self.__slots__}


def earlier(tx: Connection, webhook_id: UUID, delivery_id: str | None) -> UUID | None:
    """Give the execution that a delivery id made within the last 7 days."""
    if delivery_id is None:
        return None
    query = select(D.c.execution_id).where(_accepted(webhook_id, delivery_id))
    return tx.execute(query.where(D.c.received_at > func.now() - REMEMBERED)).scalar_one_or_none()


def add(tx: Connection, delivery: Delivery) -> bool:
    """Record a delivery; False when another one with its id was accepted first."""
    return _add(tx, delivery) or (_forget(tx, delivery) and _add(tx, delivery))


def _add(tx: Connection, delivery: Delivery) -> bool:
    adding = insert(D).values(**delivery.values()).on_conflict_do_nothing()
    return tx.execute(adding.returning(D.c.id)).first() is not None


def _forget(tx: Connection, delivery: Delivery) -> bool:
    """Delete the one that has the delivery's id, if it is so old that the id is free again."""
    same = _accepted(delivery.webhook_id, str(delivery.delivery_id))
    return tx.execute(delete(D).where(same, D.c.received_at <= func.now() - REMEMBERED)).rowcount == 1


# A record of a refusal is worth no wait for the disk. One refusal of a webhook is counted at a time.
ONE_AT_A_TIME = """
SELECT set_config('synchronous_commit', 'off', true), pg_advisory_xact_lock(hashtextextended(%(lock)s, 0))
"""
REJECT = """
WITH recent AS (
  SELECT id, reason FROM webhook_deliveries
  WHERE webhook_id = %(webhook_id)s AND outcome = 'rejected' AND received_at > now() - interval '1 minute'
), full_up AS (
  SELECT count(*) >= %(most)s AS yes FROM recent WHERE reason <> %(too_many)s
), counted AS (
  UPDATE webhook_deliveries SET count = count + 1
  WHERE (SELECT yes FROM full_up)
    AND id = (SELECT id FROM recent WHERE reason = %(too_many)s ORDER BY id DESC LIMIT 1)
  RETURNING 1
)
INSERT INTO webhook_deliveries (id, webhook_id, outcome, method, reason, delivery_id, query, headers)
SELECT %(id)s, w.id, 'rejected', %(method)s, CASE WHEN yes THEN %(too_many)s ELSE %(reason)s END,
  CASE WHEN NOT yes THEN %(delivery_id)s END, CASE WHEN yes THEN '{}' ELSE %(query)s::jsonb END,
  CASE WHEN yes THEN '{}' ELSE %(headers)s::jsonb END
FROM full_up JOIN webhooks w ON w.id = %(webhook_id)s WHERE NOT EXISTS (SELECT 1 FROM counted)
"""


def reject(tx: Connection, delivery: Delivery, query: str, headers: str) -> None:
    """Record a refusal, its query and headers as JSON; beyond 60 a minute they share one row.

    For a webhook that does not exist it does the same work and writes nothing.
    """
    given = {
        "id": str(delivery.id),
        "webhook_id": str(delivery.webhook_id),
        "method": delivery.method,
        "reason": delivery.reason,
        "delivery_id": delivery.delivery_id,
        "query": query,
        "headers": headers,
        "most": MOST_REJECTED,
        "too_many": TOO_MANY,
    }
    tx.exec_driver_sql(ONE_AT_A_TIME, {"lock": f"rejected {delivery.webhook_id}"})
    tx.exec_driver_sql(REJECT, given)


def page(tx: Connection, key: Key, before: UUID | None, limit: int, most_bytes: int) -> Sequence[Row[Any]]:
    """List deliveries, newest first; at least one, but no more than `most_bytes` of bodies."""
    query = _shown(key).order_by(D.c.id.desc()).limit(limit)
    rows = (query if before is None else query.where(D.c.id < before)).subquery()
    size = func.coalesce(func.octet_length(rows.c.body), 0)
    bytes_before = func.sum(size).over(order_by=rows.c.id.desc()) - size
    sized = select(rows, bytes_before.label("bytes_before")).subquery()
    shown = select(*[sized.c[column.name] for column in SHOWN])
    return tx.execute(shown.where(sized.c.bytes_before < most_bytes).order_by(sized.c.id.desc())).all()


def newest(tx: Connection, key: Key, limit: int) -> Sequence[Row[Any]]:
    """Give `id`, `outcome` and `count` of the newest deliveries, newest first."""
    brief: Select[Any] = _shown(key).with_only_columns(D.c.id, D.c.outcome, D.c.count)
    return tx.execute(brief.order_by(D.c.id.desc()).limit(limit)).all()


def get(tx: Connection, key: Key, delivery_id: UUID) -> Row[Any] | None:
    """Read one delivery."""
    return tx.execute(_shown(key).where(D.c.id == delivery_id)).one_or_none()


def _shown(key: Key) -> Select[Any]:
    mine = and_(S.c.id == H.c.space_id, S.c.workspace_id == key.workspace_id, S.c.id == key.space_id)
    return select(*SHOWN).join(H, H.c.id == D.c.webhook_id).join(S, mine).where(H.c.id == key.id)


def _accepted(webhook_id: UUID, delivery_id: str) -> Any:
    return and_(
        D.c.webhook_id == webhook_id,
        D.c.delivery_id == delivery_id,
        D.c.outcome == ACCEPTED,
        D.c.delivery_id.is_not(None),
    )

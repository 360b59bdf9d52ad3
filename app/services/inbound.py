"""Inbound calls: verified before anything is made, then one execution a delivery, whatever comes twice."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row

from app import log, strictjson
from app.crypto import Undecryptable
from app.errors import BodyTooLarge, Fault, LineaError, NotFound, Unauthorized, ValidationFailed
from app.services import executions, held, payloads, webhooks
from app.services.admission import admit
from app.services.orders import SINGLE, Order, TriggerRequest
from app.services.scope import Scope
from app.services.signatures import Call
from app.services.transaction import reading, transaction
from app.services.verification import (
    Challenge,
    delivery_id,
    is_genuine,
    may_be_signed,
    meta_challenge,
    new_secret,
    slack_challenge,
)
from app.states import Role, TriggeredBy
from app.store import deliveries
from app.store import webhooks as store
from app.store.deliveries import ACCEPTED, DUPLICATE, REJECTED, Delivery

Json = Any
KEPT_BYTES = 16 * 1024
KEPT_BYTES_OF_REFUSED = 1024
TRIES = 5
REFUSED = (
    "There is no such webhook, it is switched off, or the call is not signed as it should be: compare the "
    "URL and the secret with those of the webhook, and the clock of the sender with the time."
)
NOT_KEPT = "Only an accepted delivery is kept whole and can be delivered again."
# What a call to a webhook that does not exist is verified with, so that it takes as long.
DECOY_VERIFICATION = {"scheme": "github"}
DECOY_SECRET = str(new_secret("github"))

logger = log.get(__name__)


class Taken(Exception):
    """The same delivery was accepted in the meantime: it is tried again and finds it."""


@dataclass(frozen=True, slots=True)
class Started:
    """The execution that a delivery made, now or the first time, and how its sender is to be answered."""

    execution_id: UUID
    workspace_id: UUID
    is_duplicate: bool
    respond: str


def receive(webhook_id: UUID | None, head: Call, read_body: Callable[[], bytes]) -> Started | Challenge:
    """Take a call from outside, of which `head` has no body yet; None stands for an id that cannot be one.

    A body is not waited for where it cannot help. Raises what `read_body` raises; Unauthorized for an
    unknown or disabled webhook and for a bad signature, all alike; and what the payload or the workflow
    is refused with.
    """
    with reading() as tx:
        target = store.target(tx, webhook_id or uuid4())
    verification = target.verification if target else DECOY_VERIFICATION
    live_secrets = _live_secrets(target)
    is_open = target is not None and target.enabled
    if is_open and (challenge := meta_challenge(head, verification, live_secrets)):
        return challenge
    call, genuine = head, False
    if may_be_signed(head, verification, is_open=is_open):
        call = _whole(webhook_id or uuid4(), head, verification, read_body)
        genuine = is_genuine(call, verification, live_secrets)
    if target is None or not is_open or not genuine:
        reason = "bad_signature" if is_open else "disabled"
        _reject(_delivery(webhook_id or uuid4(), call, verification, REJECTED, reason))
        raise Unauthorized(REFUSED)
    if challenge := slack_challenge(call, verification):
        return challenge
    return _accept(target, call)


def trigger(webhook_id: UUID, payload: Json, delivery: Delivery | None = None) -> Started:
    """Start the workflow of a webhook with a payload, recorded as a delivery; nothing is verified here.

    Raises NotFound, and what the workflow refuses a trigger with.
    """
    with reading() as tx:
        target = store.target(tx, webhook_id)
    if target is None:
        raise NotFound(f"There is no webhook {webhook_id}.")
    plain = Delivery(webhook_id, ACCEPTED, "POST", {}, {}, body=strictjson.dumps(payload))
    with _refusals_of(delivery or plain):
        return _start(target, payload, delivery or plain)


def redeliver(scope: Scope, webhook_id: UUID, record_id: UUID) -> UUID:
    """Start a new execution with what an accepted delivery brought; raise NotFound, ValidationFailed."""
    row = webhooks.delivery_row(scope, webhook_id, record_id)
    if row.body is None:
        raise ValidationFailed(NOT_KEPT, faults=[Fault("deliveryId", NOT_KEPT)])
    body = bytes(row.body)
    call = Call(row.method, row.headers, row.query, body, row.received_at)
    again = Delivery(
        webhook_id, ACCEPTED, row.method, row.query, row.headers, reason="redelivered", body=body
    )
    return trigger(webhook_id, payloads.payload(call), again).execution_id


def _live_secrets(target: Row[Any] | None) -> Sequence[str]:
    """Give the secrets that may sign; a webhook without one is checked with the empty one, for `none`."""
    if target is None:
        return [DECOY_SECRET]
    try:
        return webhooks.opened(target.id, [target.secret, target.old_secret]) or [""]
    except Undecryptable as error:
        logger.error("the secret of a webhook cannot be read", webhook=str(target.id), error=str(error))
        return []


def _whole(
    webhook_id: UUID, head: Call, verification: dict[str, str], read_body: Callable[[], bytes]
) -> Call:
    """Give a call with its body; one whose body is too large to be read to its end is recorded."""
    try:
        return replace(head, body=read_body())
    except BodyTooLarge:
        _reject(_delivery(webhook_id, head, verification, REJECTED, "body_too_large"))
        raise


def _accept(target: Row[Any], call: Call) -> Started:
    """Start an execution with a verified call; one whose workflow was just deleted is as unknown."""
    delivery = _delivery(target.id, call, target.verification, ACCEPTED, None)
    try:
        with _refusals_of(delivery):
            return _start(target, payloads.payload(call), delivery)
    except NotFound as error:
        raise Unauthorized(REFUSED) from error


@contextmanager
def _refusals_of(delivery: Delivery) -> Iterator[None]:
    """Record why a delivery that is genuine starts nothing."""
    try:
        yield
    except LineaError as error:
        if error.status < 500:
            _reject(replace(delivery, outcome=REJECTED, reason=error.code, body=None))
        raise


def _start(target: Row[Any], payload: Json, delivery: Delivery) -> Started:
    """Commit a delivery and its execution together, or find what the same delivery made before."""
    for _ in range(TRIES):
        try:
            return _start_once(target, payload, delivery)
        except Taken:
            continue
    raise Taken


def _start_once(target: Row[Any], payload: Json, delivery: Delivery) -> Started:
    scope = Scope(target.workspace_id, Role.OPERATOR, target.space_id)
    seen = payloads.trigger(delivery.method, delivery.headers, delivery.query)
    request = TriggerRequest(
        target.workflow_id, payload, TriggeredBy.WEBHOOK, trigger=seen, webhook_id=target.id
    )
    with transaction() as tx:
        first = deliveries.earlier(tx, target.id, delivery.delivery_id)
        if first is not None:
            deliveries.add(tx, _duplicate(delivery, first))
            return Started(first, target.workspace_id, True, target.respond)
        [made] = admit(tx, [Order(scope, (request,), SINGLE)])
        if isinstance(made, LineaError):
            raise made
        [execution_id] = made.execution_ids
        if not deliveries.add(tx, replace(delivery, execution_id=execution_id)):
            raise Taken
    held.look_again(made.rows)
    executions.send(made.rows)
    return Started(execution_id, target.workspace_id, False, target.respond)


def _duplicate(delivery: Delivery, first: UUID) -> Delivery:
    """Give the record of a delivery that came before: short, since anybody can send a signed call again."""
    shown = {"query": _cut(delivery.query), "headers": _cut(delivery.headers)}
    return replace(delivery, outcome=DUPLICATE, execution_id=first, body=None, **shown)


def _delivery(
    webhook_id: UUID, call: Call, verification: dict[str, str], outcome: str, reason: str | None
) -> Delivery:
    most = KEPT_BYTES if outcome == ACCEPTED else KEPT_BYTES_OF_REFUSED
    return Delivery(
        webhook_id,
        outcome,
        call.method,
        payloads.shown_query(call.query, most),
        payloads.shown_headers(call.headers, most, verification.get("header")),
        reason=reason,
        delivery_id=delivery_id(call, verification) if outcome == ACCEPTED else None,
        body=call.body if outcome == ACCEPTED else None,
    )


def _reject(delivery: Delivery) -> None:
    """Record a refusal; nothing larger of it is kept than of any other."""
    query = strictjson.dumps(_cut(delivery.query)).decode()
    headers = strictjson.dumps(_cut(delivery.headers)).decode()
    with transaction() as tx:
        deliveries.reject(tx, delivery, query, headers)


def _cut(shown: Json) -> Json:
    return payloads.within(shown, KEPT_BYTES_OF_REFUSED)

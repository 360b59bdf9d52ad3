"""The queue of the whole installation: what is in it, and whether it is paused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import current_app
from sqlalchemy import Row

from app import log
from app.queue import QUEUE, SUSPENDED_BY_US, SUSPENDED_KEY, WORKER_KEY_SECONDS, Away, connect, suspend
from app.services import bulk, bulk_batches, tick
from app.services.bulk import Selection
from app.services.bulk_batches import Kind
from app.services.scope import Scope
from app.services.transaction import reading, transaction
from app.states import Status
from app.store import installation
from app.store import queue_counts as store
from app.store.execution_filters import Filters
from app.store.queue_counts import Counts

WORKERS_KEY = f"rq:workers:{QUEUE}"  # RQ's set of the keys of the workers that listen to the queue
REDIS_SECONDS = 2.0
SILENT_SECONDS = 15
LEAST_LEFT = WORKER_KEY_SECONDS - SILENT_SECONDS
UNLIMITED = -1  # what Redis says of a key that never expires
PENDING = Selection(None, Filters(statuses=frozenset({Status.PENDING})))

logger = log.get(__name__)


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """What is in the queue, and how many workers are at it; None while Redis is away."""

    counts: Counts
    workers: int | None


def status() -> QueueStatus:
    """Tell what is in the queue and who works at it; raise DatabaseUnavailable."""
    return QueueStatus(counts(), workers())


def counts() -> Counts:
    """Count what is in the queue; raise DatabaseUnavailable."""
    with reading() as tx:
        return store.read(tx)


def set_aside(limit: int) -> Sequence[Row[Any]]:
    """Give up to `limit` of those that are for later: `id, workflow_name, why, until`."""
    with reading() as tx:
        return store.set_aside(tx, limit)


def pause() -> None:
    """Let no worker start another execution until `resume`; what has begun goes on. Redis may be away."""
    _set_paused(True)


def resume() -> None:
    """Let the workers go on, also with what was taken off the list while the queue was paused."""
    _set_paused(False)
    try:
        tick.send_lost()
    except Away as error:
        logger.debug("the tick sends what got lost", error=str(error))


def pending_of(scope: Scope) -> str:
    """Count what is pending in a workspace, in words where it is very many."""
    counted = bulk.dry_run(scope, PENDING)
    return str(counted["matched"]) if "matched" in counted else f"{counted['matchedAtLeast']} or more"


def purge(scope: Scope) -> int:
    """Cancel what is pending in a workspace; give how many. Broken off, the tick sees it through."""
    operation_id = UUID(bulk.start(scope, Kind.CANCEL, PENDING)["bulkId"])
    bulk_batches.finish(operation_id)
    cancelled: int = bulk.show(scope, operation_id)["done"]
    return cancelled


def suspended_by_others() -> bool:
    """Tell whether somebody stopped the workers by `rq suspend`; False while Redis is away."""
    try:
        mark = _redis().get(SUSPENDED_KEY)
    except Away:
        return False
    return mark not in (None, SUSPENDED_BY_US)


def _set_paused(paused: bool) -> None:
    """Write it down, then tell the workers at once; the claim and each tick read what is written."""
    with transaction() as tx:
        installation.set_paused(tx, paused)
    try:
        suspend(_redis(), paused)
    except Away as error:
        logger.debug("the tick tells the workers", paused=paused, error=str(error))


def workers() -> int | None:
    """Count the workers that gave a sign of life within SILENT_SECONDS, None while Redis is away.

    RQ keeps the names of killed ones for a while, and the keys of frozen ones for two minutes after their
    last sign of life; how old that is tells the rest of the two minutes, by the clock of Redis.
    """
    redis = _redis()
    try:
        pipe = redis.pipeline(transaction=False)
        for key in redis.smembers(WORKERS_KEY):
            pipe.ttl(key)
        left: list[int] = pipe.execute()
    except Away:
        return None
    return sum(seconds == UNLIMITED or seconds >= LEAST_LEFT for seconds in left)


def _redis() -> Any:
    if "queues_redis" not in current_app.extensions:
        url = current_app.config["SETTINGS"].redis_url
        current_app.extensions["queues_redis"] = connect(url, timeout=REDIS_SECONDS)
    return current_app.extensions["queues_redis"]

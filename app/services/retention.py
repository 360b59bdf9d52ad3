"""Retention: what ended longer ago than its workspace's `retentionDays` is deleted, batch by batch."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final
from uuid import UUID

from flask import current_app
from sqlalchemy import Connection

from app import log
from app.services.transaction import reading, transaction
from app.store import bulk_operations, idempotency, old_deliveries
from app.store import retention as store

BATCH = 100
MOST_LEAVES = 5_000
TICK_SECONDS = 0.2
REST_SECONDS = 10.0
RESTING = "retention rests until"

Counts = Counter[str]
Delete = Callable[[Counts, float], None]

logger = log.get(__name__)


def delete_old() -> int:
    """Delete for a part of a tick; where nothing is old, look again after some seconds only."""
    if time.monotonic() < current_app.extensions.get(RESTING, 0.0):
        return 0
    counts = _delete(KINDS, TICK_SECONDS)
    if counts:
        logger.info("old records were deleted", **counts)
    else:
        current_app.extensions[RESTING] = time.monotonic() + REST_SECONDS
    return counts.total()


def prune() -> dict[str, int]:
    """Delete all that is old now; give how many of each kind."""
    return _delete((*KINDS, *OF_OTHER_PASSES), float("inf"))


def _delete(kinds: Sequence[Delete], seconds: float) -> Counts:
    """Delete what is old for about `seconds`, a batch of each kind at least, each in a transaction."""
    ends, counts = time.monotonic() + seconds, Counts()
    for delete in kinds:
        delete(counts, ends)
    return +counts


def _executions(counts: Counts, ends: float) -> None:
    """Delete executions in batches, until the rest of one is held by somebody else."""
    while True:
        with reading() as tx:
            ids = store.old_executions(tx, BATCH)
        deleted = _batch(ids, counts, ends) if ids else 0
        if not deleted or time.monotonic() >= ends:
            return


def _batch(ids: Sequence[UUID], counts: Counts, ends: float) -> int:
    """Delete a batch of executions, their items and logs before them, so that each statement stays small."""
    while True:
        with transaction() as tx:
            leaves = store.delete_leaves(tx, ids, MOST_LEAVES)
        counts["itemsAndLogs"] += leaves
        if not leaves:
            break
        if time.monotonic() >= ends:
            return 0
    with transaction() as tx:
        deleted = store.delete_executions(tx, ids)
    counts["executions"] += deleted
    return deleted


def _batches(kind: str, delete: Callable[[Connection, int], int], counts: Counts, ends: float) -> None:
    while True:
        with transaction() as tx:
            deleted = delete(tx, BATCH)
        counts[kind] += deleted
        if deleted < BATCH or time.monotonic() >= ends:
            return


KINDS: Final[tuple[Delete, ...]] = (
    _executions,
    partial(_batches, "scheduleFires", store.delete_fires),
    partial(_batches, "bulkOperations", bulk_operations.forget_old),
)
OF_OTHER_PASSES: Final[tuple[Delete, ...]] = (
    partial(_batches, "webhookDeliveries", old_deliveries.forget),
    partial(_batches, "idempotencyKeys", idempotency.forget_old),
)

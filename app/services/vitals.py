"""The numbers of the whole installation for its metrics, read at most once a second in a process."""

import threading
import time
from dataclasses import dataclass

from flask import current_app

from app.errors import DatabaseUnavailable
from app.services import queues
from app.services.queues import QueueStatus
from app.services.transaction import reading
from app.store import bulk_operations, counters

FRESH_SECONDS = 1.0
KEPT = "vitals"


@dataclass(frozen=True, slots=True)
class Vitals:
    """What is in the queue, and what was done so far: ends by status, repairs by pass of the tick.

    `failing` says for how many seconds a pass has failed.
    """

    queue: QueueStatus
    finished: dict[str, int]
    repairs: dict[str, int]
    failing: dict[str, float]
    bulk: int


class Kept:
    """The last reading: whoever comes while it is fresh, or being renewed, gets the same one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._vitals: Vitals | None = None
        self._read_at = float("-inf")

    def get(self) -> Vitals | None:
        """Give numbers not older than a second; None while the database is away."""
        with self._lock:
            if time.monotonic() - self._read_at >= FRESH_SECONDS:
                self._vitals = _read()
                self._read_at = time.monotonic()
            return self._vitals


def recent() -> Vitals | None:
    """Give the numbers of at most a second ago; None while the database is away."""
    kept: Kept = current_app.extensions.setdefault(KEPT, Kept())
    return kept.get()


def _read() -> Vitals | None:
    try:
        queue = queues.status()
        with reading() as tx:
            return Vitals(
                queue,
                counters.finished(tx),
                counters.repairs(tx),
                {row.pass_name: row.seconds for row in counters.failing(tx, 0)},
                bulk_operations.count_running(tx),
            )
    except DatabaseUnavailable:
        return None

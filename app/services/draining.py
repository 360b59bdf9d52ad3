"""Works the queue empty with a worker in this process, beside whatever others there are."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto

from flask import Flask, current_app

from app import log
from app.engine.worker import ExecutionsWorker
from app.errors import DatabaseUnavailable
from app.extensions import db
from app.services import queues
from app.services.tick import tick
from app.store.queue_counts import Counts

LOOK_SECONDS = 0.25
TICK_SECONDS = 1.0
COST_FACTOR = 10  # counting a long queue takes a while: look only as often as it costs a tenth of the time

logger = log.get(__name__)
Tell = Callable[[Counts], None]


class Outcome(Enum):
    """How draining ended."""

    DRAINED = auto()
    PAUSED = auto()
    SUSPENDED = auto()
    TIMED_OUT = auto()
    STOPPED = auto()


def drain(timeout: float | None, tell: Tell) -> Outcome:
    """Work until nothing is left to do now, for at most `timeout` seconds; call it in the main thread.

    `tell` hears every count, also from another thread. What other workers hold is waited for; what is delayed
    or waiting is not. On a time-out what has begun is handed back at once. Raises DatabaseUnavailable, and
    RedisError when Redis is away at the start.
    """
    lookout = Lookout(timeout, tell)
    outcome = lookout.look()
    if outcome is not None:
        return outcome
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    worker = ExecutionsWorker(app.config["SETTINGS"], db.engine)
    thread = threading.Thread(target=lookout.run, args=(app, worker), name="lookout", daemon=True)
    thread.start()
    try:
        worker.work()
    finally:
        lookout.ended.set()
        thread.join()
    return lookout.outcome or Outcome.STOPPED


class Lookout:
    """Looks again and again how much is left, ticks in case no clock does, and ends the worker in time."""

    def __init__(self, timeout: float | None, tell: Tell) -> None:
        self.outcome: Outcome | None = None
        self.ended = threading.Event()
        self._tell = tell
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._next_tick = 0.0

    def run(self, app: Flask, worker: ExecutionsWorker) -> None:
        """Watch until there is an outcome, or the worker has ended; then end the worker."""
        pause = 0.0
        try:
            while self.outcome is None and not self.ended.wait(pause):
                with app.app_context():
                    pause = self._turn()
        finally:
            if self.outcome is Outcome.TIMED_OUT:
                worker.settings = replace(worker.settings, shutdown_grace_seconds=0)
            worker.request_stop()

    def look(self) -> Outcome | None:
        """Tell how draining ends; None while it does not. Raises DatabaseUnavailable."""
        counts = queues.counts()
        self._tell(counts)
        if counts.paused:
            return Outcome.PAUSED
        if counts.left == 0:
            return Outcome.DRAINED
        return Outcome.SUSPENDED if queues.suspended_by_others() else self._late()

    def _turn(self) -> float:
        """Tick when it is time, look, and give the seconds until the next turn."""
        began = time.monotonic()
        if began >= self._next_tick:
            self._next_tick = began + TICK_SECONDS
            tick()
        looked = time.monotonic()
        try:
            self.outcome = self.look()
        except DatabaseUnavailable as error:
            logger.warning("cannot count what is left", error=error.detail)
            self.outcome = self._late()
        return max(LOOK_SECONDS, COST_FACTOR * (time.monotonic() - looked))

    def _late(self) -> Outcome | None:
        late = self._deadline is not None and time.monotonic() >= self._deadline
        return Outcome.TIMED_OUT if late else None

"""ExecutionsWorker: an RQ worker to the world, an event loop with many executions inside."""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any
from uuid import uuid4

import redis
import uvloop
from redis.exceptions import RedisError
from rq.command import parse_payload
from rq.serializers import JSONSerializer
from rq.worker import BaseWorker, WorkerStatus
from sqlalchemy import Engine

from app import log
from app.engine.cleaner import Cleaner
from app.engine.desk import Desk
from app.queue import (
    QUEUE,
    QUEUE_KEY,
    SUSPENDED_KEY,
    TAKE,
    TAKEN_TTL_SECONDS,
    WORKER_TTL_SECONDS,
    LineaJob,
    RefusedJob,
    Taken,
    connect,
    read_job,
)
from app.settings import Settings

HEARTBEAT_SECONDS = 2.0
BLOCK_SECONDS = 2
RETRY_SECONDS = 1.0
SIGN_OFF_SECONDS = 2.0
MOST_JOBS = 200

logger = log.get(__name__)


class ExecutionsWorker(BaseWorker):
    """Works the queue `executions`; it heartbeats and obeys suspend, shutdown and stop commands of RQ.

    `burst` ends it once the queue is empty and nothing is under way.
    """

    job_class = LineaJob

    def __init__(self, settings: Settings, engine: Engine, name: str | None = None) -> None:
        self.settings = settings
        self._engine = engine
        self._cleaner = Cleaner(settings.redis_url)
        self._feeder: Feeder | None = None
        name = name or f"{socket.gethostname()}.{os.getpid()}.{uuid4().hex[:8]}"
        super().__init__(
            [QUEUE],
            name=name,
            connection=_patient(settings.redis_url),
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL_SECONDS,
        )

    # -- RQ's own doors --

    def work(self, burst: bool = False, **_: Any) -> bool:  # type: ignore[override]
        """Run until a signal, a shutdown command or, with `burst`, an empty queue ends it."""
        signal.signal(signal.SIGINT, self.request_stop)
        signal.signal(signal.SIGTERM, self.request_stop)
        return uvloop.run(self._main(burst))

    def request_stop(self, signum: int | None = None, frame: FrameType | None = None) -> None:
        """Begin to stop: let steps end for the grace, hand the rest back; any thread may ask."""
        self._stop_requested = True
        if self._feeder is not None:
            # Not here: a signal comes in the middle of anything, even of what holds the locks of the events.
            self._feeder.in_loop(self._feeder.stop)

    def handle_payload(self, message: Any) -> None:
        """Obey RQ's commands: shutdown, and stop-job, which means the API's cancel."""
        payload = parse_payload(message)
        if payload.get("command") == "shutdown":
            self.request_stop()
        elif payload.get("command") == "stop-job" and self._feeder is not None:
            self._feeder.in_loop(self._feeder.desk.stop_job, str(payload.get("job_id", "")))

    # -- the loop --

    async def _main(self, burst: bool) -> bool:
        desk = Desk(self.settings, self._engine, self.name, self._cleaner.clean)
        self._feeder = feeder = Feeder(desk, self.settings.redis_url, burst)
        if self._stop_requested:
            feeder.stop()
        keeper = asyncio.create_task(desk.keep_leases())
        beat = threading.Thread(target=self._beat, args=(feeder,), name="heartbeat", daemon=True)
        feeder.start()
        beat.start()
        logger.info("worker started", worker=self.name, slots=self.settings.worker_concurrency)
        await feeder.stopped.wait()
        logger.info("worker stops", worker=self.name)
        self._stop_requested = True
        await desk.stop(self.settings.shutdown_grace_seconds)
        keeper.cancel()
        self._sign_off()
        logger.info("worker stopped", worker=self.name, ended=desk.ended)
        return desk.ended > 0

    # -- heartbeat (a thread) --

    def _beat(self, feeder: "Feeder") -> None:
        """Be seen by `rq info`, again after Redis was away or flushed; listen for commands."""
        while not self._stop_requested:
            try:
                self._sign_on()
                self.set_state(WorkerStatus.BUSY if feeder.under_way else WorkerStatus.IDLE)
                self.heartbeat()
                feeder.pause(HEARTBEAT_SECONDS)
            except (RedisError, ValueError) as error:
                logger.debug("heartbeat lost", error=str(error))
                feeder.pause(RETRY_SECONDS)

    def _sign_on(self) -> None:
        if not self.connection.exists(self.key):
            self.register_birth()  # type: ignore[no-untyped-call]
        if self.pubsub_thread is None or not self.pubsub_thread.is_alive():  # type: ignore[unreachable]
            self.subscribe()  # type: ignore[no-untyped-call]

    def _sign_off(self) -> None:
        """Take leave of RQ, unless Redis takes its time."""
        leaving = threading.Thread(target=self._unregister, name="sign off", daemon=True)
        leaving.start()
        leaving.join(SIGN_OFF_SECONDS)

    def _unregister(self) -> None:
        with suppress(RedisError):
            self.register_death()  # type: ignore[no-untyped-call]
            self.unsubscribe()  # type: ignore[no-untyped-call]


class Feeder:
    """Keeps the slots of a desk filled from a thread: many jobs in one round trip."""

    def __init__(self, desk: Desk, redis_url: str, burst: bool) -> None:
        self.desk = desk
        self.stopped = asyncio.Event()
        self._burst = burst
        self._loop = asyncio.get_running_loop()
        self._connection = connect(redis_url, timeout=BLOCK_SECONDS + 3)
        self._script = self._connection.register_script(TAKE)
        self._room = threading.Event()
        self._stopping = threading.Event()
        self._passed = self._received = 0
        self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)
        desk.on_room = self._has_room

    @property
    def under_way(self) -> bool:
        """Tell whether anything that was taken has not ended yet."""
        return self.desk.busy or self._passed != self._received

    def start(self) -> None:
        """Begin to take jobs."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more, and let the worker's loop know."""
        self._stopping.set()
        self._room.set()
        self.in_loop(self.stopped.set)

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the stop."""
        self._stopping.wait(seconds)

    def in_loop(self, call: Callable[..., object], *args: object) -> None:
        """Call something in the event loop, from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *args)

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not (room := self._wait_for_room()):
                continue
            try:
                jobs = self._take(room)
            except RedisError as error:
                logger.warning("redis is away; trying again", error=str(error))
                self.pause(RETRY_SECONDS)
                continue
            if jobs:
                self._passed += len(jobs)
                self.in_loop(self._receive, jobs)
            elif self._burst and not self.under_way:
                self.stop()

    def _has_room(self) -> None:
        if not self._room.is_set():
            self._room.set()

    def _wait_for_room(self, seconds: float = 0.5) -> int:
        self._room.clear()
        room = self.desk.room - (self._passed - self._received)
        if room <= 0:
            self._room.wait(seconds)
        return min(max(room, 0), MOST_JOBS)

    def _take(self, room: int) -> list[Taken]:
        """Take up to `room` jobs; with an empty queue wait a moment for one. Raises RedisError."""
        found = self._ask(room)
        if found is None:
            self.pause(RETRY_SECONDS)
        elif not found and self._connection.blmove(QUEUE_KEY, QUEUE_KEY, BLOCK_SECONDS, "LEFT", "LEFT"):
            # What a stopping worker hands back wakes its own feeder too, and is not for it.
            found = [] if self._stopping.is_set() else self._ask(self._wait_for_room(0))
        jobs = found or []
        return [job for job in map(_readable, jobs[0::2], jobs[1::2]) if job is not None]

    def _ask(self, room: int) -> list[bytes] | None:
        """Take what is there; None while the workers are suspended."""
        keys = [QUEUE_KEY, SUSPENDED_KEY]
        found: list[bytes] | None = self._script(keys=keys, args=[room, self.desk.worker, TAKEN_TTL_SECONDS])
        return found

    def _receive(self, jobs: list[Taken]) -> None:
        self._received += len(jobs)
        self.desk.take(jobs)


def _readable(job_id: bytes, data: bytes) -> Taken | None:
    """Read a job; one that is not ours is refused, never run."""
    try:
        return read_job(job_id.decode("utf-8", "replace"), data)
    except RefusedJob as error:
        logger.error("refused a job", error=str(error))
        return None


def _patient(url: str) -> "redis.Redis":
    """Open the client that RQ's own parts use; their blocking calls need longer timeouts."""
    return redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=5)

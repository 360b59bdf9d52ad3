"""The doorbell: RQ jobs that tell workers which execution to look at; Postgres stays the truth."""

import threading
import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

import orjson
import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.command import send_command
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import utcformat

from app import log
from app.announcements import Pair, announce

QUEUE = "executions"
TICKS = "ticks"
JOB = "app.jobs.run_execution"
TICK_JOB = "app.jobs.tick"
ALLOWED = frozenset({JOB, TICK_JOB})

QUEUE_KEY = f"rq:queue:{QUEUE}"
SUSPENDED_KEY = "rq:suspended"
SUSPENDED_BY_US = b"paused"
JOB_PREFIX = "rq:job:"
TIMEOUT_SECONDS = 0.3
SEND_BATCH = 500
SENDER_LIMIT = 20_000
BREAK_SECONDS = 1.0
TAKEN_TTL_SECONDS = 86_400
# How long RQ keeps the key of a worker of ours after each sign of life: its time to live, and a minute.
WORKER_TTL_SECONDS = 60
WORKER_KEY_SECONDS = WORKER_TTL_SECONDS + 60
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

logger = log.get(__name__)

Away = RedisError


@dataclass(frozen=True, slots=True)
class Ticket:
    """A queue message: which execution, and which sending of it (both make the job's id)."""

    execution_id: UUID
    workspace_id: UUID
    send_no: int
    sent_at: datetime

    @property
    def job_id(self) -> str:
        """Name the RQ job; a later sending has another name, so nobody deletes it by mistake."""
        return f"{self.execution_id}-{self.send_no}"


class RefusedJob(Exception):
    """A job names a function that is not ours; it is never imported or called."""


class LineaJob(Job):
    """An RQ job that can only call our own functions: a JSON job naming `os.system` would run otherwise."""

    def __init__(self, id: str | None = None, connection: Any = None, serializer: Any = None) -> None:
        """Read and write JSON where the caller (rq-scheduler) names no serializer; RQ would pickle."""
        super().__init__(id, connection, serializer or JSONSerializer)

    @property
    def func(self) -> Any:
        if self.func_name not in ALLOWED or self.instance:
            raise RefusedJob(f"the job {self.id} names {self.func_name!r}, which is none of ours")
        return super().func

    def restore(self, raw_data: Any) -> None:
        """Read the hash without callbacks and webhooks: they would name functions and addresses too."""
        super().restore(raw_data)
        self._success_callback_name = self._failure_callback_name = self._stopped_callback_name = None
        self.webhooks = []


def connect(url: str, timeout: float = TIMEOUT_SECONDS) -> "redis.Redis":
    """Open a client that fails within `timeout` seconds instead of holding its caller."""
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )


def queue_named(name: str, connection: "redis.Redis") -> Queue:
    """Give RQ's view of one of our queues: JSON jobs of our own class."""
    return Queue(
        name, connection=connection, job_class=LineaJob, serializer=JSONSerializer, default_timeout=-1
    )


def job_hash(ticket: Ticket) -> dict[Any, Any]:
    """Write the hash that RQ's `Job.save` would, at a fifth of its cost.

    RQ reads `data` that is not compressed as well; for two ids zlib costs more than it saves.
    """
    arguments = {"executionId": str(ticket.execution_id), "workspaceId": str(ticket.workspace_id)}
    return {
        "created_at": utcformat(ticket.sent_at.astimezone(UTC)),
        "enqueued_at": utcformat(ticket.sent_at.astimezone(UTC)),
        "data": orjson.dumps([JOB, None, [], arguments]),
        "origin": QUEUE,
        "description": JOB,
        "status": "queued",
        "timeout": -1,
        "result_ttl": 0,
        "started_at": "",
        "ended_at": "",
        "last_heartbeat": "",
        "worker_name": "",
        "success_callback_name": "",
        "failure_callback_name": "",
        "stopped_callback_name": "",
        "group_id": "",
    }


def push(connection: "redis.Redis", tickets: Sequence[Ticket], *, front: bool = False) -> None:
    """Put tickets at the end of the queue, or at its front, in one round trip a batch; raises Away.

    At the front they do not say when they were sent: all that is behind them would look lost.
    """
    silent = {"enqueued_at": ""} if front else {}
    for start in range(0, len(tickets), SEND_BATCH):
        batch = tickets[start : start + SEND_BATCH]
        pipe = connection.pipeline(transaction=False)
        pipe.sadd("rq:queues", QUEUE_KEY)
        for ticket in batch:
            pipe.hset(JOB_PREFIX + ticket.job_id, mapping=job_hash(ticket) | silent)
        (pipe.lpush if front else pipe.rpush)(QUEUE_KEY, *[ticket.job_id for ticket in batch])
        pipe.execute()


class Sender:
    """Sends tickets and announcements from a thread of its own, so that no answer waits for Redis.

    The lists are bounded and a broken connection is left alone for a second: what is dropped here stays
    pending in Postgres, and the tick sends it again; streams look there for what nobody announced.
    """

    def __init__(self, url: str) -> None:
        self._connection = connect(url)
        self._tickets: deque[Ticket] = deque()
        self._urgent: deque[Ticket] = deque()
        self._changed: deque[Pair] = deque()
        self._rings: deque[tuple[str, str]] = deque(maxlen=SENDER_LIMIT)
        self._ready = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False

    def send(self, tickets: Sequence[Ticket], *, front: bool = False) -> None:
        """Leave tickets with the thread, for the end of the queue or its front; never waits, never fails."""
        with self._ready:
            line = self._urgent if front else self._tickets
            line.extend(tickets[: max(0, SENDER_LIMIT - len(line))])
            self._rouse()

    def announce(self, pairs: Sequence[Pair]) -> None:
        """Leave word with the thread that executions changed, for the live streams; never waits or fails."""
        with self._ready:
            self._changed.extend(pairs[: max(0, SENDER_LIMIT - len(self._changed))])
            self._rouse()

    def close(self, seconds: float = 2.0) -> None:
        """Send what is left, for at most `seconds`."""
        with self._ready:
            self._closing = True
            self._ready.notify()
        if self._thread is not None:
            self._thread.join(seconds)

    def ring(self, worker: str, job_id: str) -> None:
        """Leave word with the thread to tell a worker of a cancel; a hint that may get lost."""
        with self._ready:
            self._rings.append((worker, job_id))
            self._rouse()

    def _rouse(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
            self._thread.start()
        self._ready.notify()

    def _run(self) -> None:
        while self._has_work():
            line = self._urgent or self._tickets
            tickets = [line.popleft() for _ in range(min(len(line), SEND_BATCH))]
            changed = [self._changed.popleft() for _ in range(len(self._changed))]
            rings = [self._rings.popleft() for _ in range(len(self._rings))]
            try:
                for worker, job_id in rings:
                    send_command(self._connection, worker, "stop-job", job_id=job_id)
                push(self._connection, tickets, front=line is self._urgent)
                announce(self._connection, changed)
            except RedisError as error:
                logger.warning(
                    "redis is away; the tick sends these again", tickets=len(tickets), error=str(error)
                )
                with self._ready:
                    self._ready.wait_for(lambda: self._closing, BREAK_SECONDS)

    def _has_work(self) -> bool:
        """Wait for something to send; False when the sender closes and nothing is left."""
        with self._ready:
            self._ready.wait_for(lambda: self._left or self._closing)
            return self._left

    @property
    def _left(self) -> bool:
        return bool(self._urgent or self._tickets or self._changed or self._rings)


# KEYS: queue, suspended. ARGV: how many, worker, ttl. Gives id, data, id, data, ...; nil while suspended.
TAKE = """
if redis.call('EXISTS', KEYS[2]) == 1 then return false end
local ids = redis.call('LPOP', KEYS[1], ARGV[1])
if not ids then return {} end
local out = {}
for i, id in ipairs(ids) do
  local job = 'rq:job:' .. id
  local data = redis.call('HGET', job, 'data')
  out[2 * i - 1] = id
  out[2 * i] = data or ''
  if data then
    redis.call('HSET', job, 'worker_name', ARGV[2], 'status', 'started')
    redis.call('EXPIRE', job, ARGV[3])
  end
end
return out
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A job that this worker took off the list and must delete when it is done with it."""

    job_id: str
    execution_id: UUID
    workspace_id: UUID


def read_job(job_id: str, data: bytes) -> Taken:
    """Read the two ids of a job; raises RefusedJob for anything that is not exactly ours."""
    try:
        raw = zlib.decompress(data) if data[:1] == b"x" else data
        name, instance, args, kwargs = orjson.loads(raw)
        if name != JOB or instance is not None or args or set(kwargs) != {"executionId", "workspaceId"}:
            _refuse(job_id, name)
        return Taken(job_id, UUID(kwargs["executionId"]), UUID(kwargs["workspaceId"]))
    except (zlib.error, orjson.JSONDecodeError, ValueError, TypeError, AttributeError) as error:
        raise RefusedJob(f"the job {job_id} is not readable JSON of ours: {error}") from error


def _refuse(job_id: str, name: object) -> NoReturn:
    raise RefusedJob(f"the job {job_id} names {str(name)[:100]!r} with other arguments than ours")


def head_sent_at(connection: "redis.Redis") -> datetime | None:
    """Tell when the first job of the list was sent; None when the list is empty. Raises Away.

    A job that does not say may be the oldest of all: nothing counts as lost before it is taken.
    """
    head: Any = connection.lindex(QUEUE_KEY, 0)
    if head is None:
        return None
    text: Any = connection.hget(JOB_PREFIX.encode() + head, "enqueued_at")
    try:
        at = datetime.fromisoformat(text.decode())
    except (AttributeError, ValueError):
        return LONG_AGO
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def suspend(connection: "redis.Redis", paused: bool) -> None:
    """Make RQ's suspension follow our pause; one set by `rq suspend` is left alone. Raises Away."""
    if paused:
        connection.set(SUSPENDED_KEY, SUSPENDED_BY_US, nx=True)
    elif connection.get(SUSPENDED_KEY) == SUSPENDED_BY_US:
        connection.delete(SUSPENDED_KEY)

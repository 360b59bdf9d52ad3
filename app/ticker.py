"""The clock: rq-scheduler sends a tick job each second, an RQ worker of its own makes the tick.

rq-scheduler can lose its periodic job, double it, or be locked out by a lock that a killed one left. So the
job is registered again under its fixed id at each start and whenever it is missing, a stale lock is removed,
and whenever a tick is late, as while its parts still start, the clock makes it itself.
"""

import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import redis
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from rq_scheduler import Scheduler

from app import log
from app.errors import DatabaseUnavailable
from app.jobs import application, tick
from app.outputs import say
from app.queue import TICK_JOB, TICKS, LineaJob, connect, queue_named
from app.services.transaction import reading
from app.settings import BadSetting
from app.store import installation
from app.supervise import Child, Supervisor, deaf
from app.tether import start_tethered

TICK_ID = "tick"
INTERVAL_SECONDS = 1
REPAIR_SECONDS = 1.0
STALE_LOCK_SECONDS = 3.0
LOST_JOB_SECONDS = 3.0
# A tick looks for what becomes due for nearly a second, so that nothing is missed for longer than the rest.
LATE_TICK_SECONDS = 1.5
CONNECT_SECONDS = 5.0
REPAIR_TIMEOUT_SECONDS = 1.0

logger = log.get(__name__)


class TickWorker(SimpleWorker):
    """An RQ worker for the queue `ticks` alone; a pause of the executions does not concern it."""

    def check_for_suspension(self, burst: bool) -> None:
        """Go on: the clock keeps ticking while workers are suspended."""


def clock() -> None:
    """Keep scheduler and tick worker running until a signal ends the clock."""
    application()
    supervisor = Supervisor(say)
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, supervisor.ask_to_stop)
    for part in ("scheduler", "worker"):
        supervisor.run(Child(part, lambda part=part: _start(part), grace=5))  # type: ignore[misc]
    look_at = repair_at = 0.0
    try:
        while supervisor.asked is None:
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + tick_if_late()
            if time.monotonic() >= repair_at:
                repair_at = time.monotonic() + REPAIR_SECONDS
                repair()
            supervisor.turn()
    finally:
        supervisor.stop(together=True)
        deaf()


def _start(part: str) -> "subprocess.Popen[bytes]":
    return start_tethered([sys.executable, "-m", "app.ticker", part], signal.SIGTERM)


def tick_if_late() -> float:
    """Make the tick here if the last one is too long ago; give the seconds until the next could be late."""
    try:
        with application().app_context(), reading() as tx:
            age: float | None = installation.read(tx).seconds_since_tick
    except DatabaseUnavailable as error:
        logger.warning("no tick", error=error.detail)
        return LATE_TICK_SECONDS
    # After the clock of the database was set back the age is negative.
    if age is not None and abs(age) < LATE_TICK_SECONDS:
        return LATE_TICK_SECONDS - abs(age)
    tick()
    return 0.0


def repair() -> None:
    """Put right what rq-scheduler may get wrong."""
    try:
        connection = connect(application().config["SETTINGS"].redis_url, REPAIR_TIMEOUT_SECONDS)
        remove_stale_lock(connection)
        register(connection)
    except RedisError as error:
        logger.warning("redis is away; the clock ticks without it", error=str(error))


def register(connection: "redis.Redis") -> None:
    """Register the periodic job, unless it is there and due soon."""
    due = connection.zscore(Scheduler.scheduled_jobs_key, TICK_ID)
    if (
        due is not None
        and abs(due - time.time()) < LOST_JOB_SECONDS
        and connection.exists(f"rq:job:{TICK_ID}")
    ):
        return
    _scheduler(connection).schedule(
        datetime.now(UTC).replace(tzinfo=None),
        TICK_JOB,
        interval=INTERVAL_SECONDS,
        result_ttl=-1,
        id=TICK_ID,
        queue_name=TICKS,
    )


def remove_stale_lock(connection: "redis.Redis") -> None:
    """Remove the lock of a scheduler that was killed: a living one holds it for milliseconds."""
    taken = connection.get(Scheduler.scheduler_lock_key)
    if taken is not None and time.time() - float(taken) > STALE_LOCK_SECONDS:
        connection.delete(Scheduler.scheduler_lock_key)


def _scheduler(connection: "redis.Redis") -> Any:
    return Scheduler(
        queue=queue_named(TICKS, connection),
        interval=INTERVAL_SECONDS,
        connection=connection,
        job_class=LineaJob,
    )


def _connect(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=CONNECT_SECONDS)


def main(part: str | None) -> None:
    """Run the clock, or one of its two parts."""
    if part is None:
        clock()
        return
    url = application().config["SETTINGS"].redis_url
    if part == "scheduler":
        connection = _connect(url)
        register(connection)
        _scheduler(connection).run()
    else:
        connection = redis.Redis.from_url(url)
        worker = TickWorker(
            [queue_named(TICKS, connection)],
            connection=connection,
            job_class=LineaJob,
            serializer=JSONSerializer,
        )
        worker.work(logging_level="WARNING")


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else None)
    except BadSetting as error:
        sys.exit(str(error))
    except RedisError as error:
        sys.exit(f"redis is away: {error}")

"""The worker's door: `python worker.py` runs executions until a signal ends it."""

import gc
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import NoReturn

from redis.exceptions import RedisError

from app import create_app
from app.engine.worker import ExecutionsWorker
from app.extensions import db
from app.outputs import say
from app.settings import BadSetting, Settings
from app.supervise import Child, Supervisor, deaf
from app.tether import start_tethered

RETRY_SECONDS = 1.0
AFTER_GRACE_SECONDS = 8
COLLECTOR = (50_000, 20, 100)


def main() -> None:
    """Run one worker here, or as many processes as WORKER_PROCESSES says."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, leave)
    app = create_app()
    settings: Settings = app.config["SETTINGS"]
    if settings.worker_processes > 1 and "--one" not in sys.argv:
        run_several(settings)
        return
    calm_collector()
    with app.app_context():
        connected(settings).work()
    leave()


def calm_collector() -> None:
    """Let the garbage collector leave alone what was loaded, and look less often at what comes and goes.

    An execution makes some hundred objects and no cycles; its default cost a fifth of the worker's CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR)


def connected(settings: Settings) -> ExecutionsWorker:
    """Make the worker; wait for Redis as long as it takes."""
    while True:
        try:
            return ExecutionsWorker(settings, db.engine)
        except RedisError as error:
            say("waiting for Redis", str(error))
            time.sleep(RETRY_SECONDS)


def leave(*_: object) -> NoReturn:
    """End now: no thread that still waits for a server that hangs holds the process back."""
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(0)


def run_several(settings: Settings) -> None:
    """Keep several worker processes running until a signal ends them all."""
    supervisor = Supervisor(say)
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, supervisor.ask_to_stop)
    for number in range(1, settings.worker_processes + 1):
        grace = settings.shutdown_grace_seconds + AFTER_GRACE_SECONDS
        supervisor.run(Child(f"worker.{number}", start_one, grace=grace, patient=True))
    while supervisor.asked is None:
        supervisor.turn()
    supervisor.stop(together=True)
    deaf()


def start_one() -> "subprocess.Popen[bytes]":
    """Start one worker process that ends with this one."""
    command = [sys.executable, __file__, "--one"]
    return start_tethered(command, signal.SIGTERM)


if __name__ == "__main__":
    try:
        main()
    except BadSetting as error:
        sys.exit(str(error))

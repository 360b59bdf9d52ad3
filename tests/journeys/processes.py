"""Real web, worker and clock processes on the servers of the test session."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from app.settings import Settings
from tests import procfile
from tests.servers import PROJECT

START_SECONDS = 60
Found = TypeVar("Found")
Process = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Web:
    """A running web process."""

    process: Process
    port: int

    @property
    def url(self) -> str:
        """Give its address."""
        return f"http://{procfile.HOST}:{self.port}"


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """Give the environment of a process that works on the servers of `settings`."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PORT", "DATA_DIR")}
    return kept | {
        "PATH": procfile.programs(),
        "DATABASE_URL": settings.database_url.replace("+psycopg2", ""),
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "HTTP_ALLOW_HOSTS": "127.0.0.1",
        "LOG_LEVEL": "INFO",
        "LEASE_SECONDS": "10",
        "SHUTDOWN_GRACE_SECONDS": "1",
        **more,
    }


def start(settings: Settings, *command: str, **more: str) -> Process:
    """Start `python …` in the project."""
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=PROJECT,
        env=environment(settings, **more),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def start_worker(settings: Settings, **more: str) -> Process:
    """Start a worker and wait until it says that it works."""
    process = start(settings, "worker.py", **more)
    too_late = threading.Timer(START_SECONDS, process.kill)
    too_late.start()
    said = b""
    while b"worker started" not in said:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line, f"the worker ended: {said.decode()}"
        said += line
    too_late.cancel()
    drain(process)
    return process


def drain(process: Process) -> None:
    """Read on what a process says, so that it never blocks."""

    def read() -> None:
        assert process.stderr is not None
        with process.stderr as said:
            said.read()

    threading.Thread(target=read, daemon=True).start()


def stop(process: Process, signum: int = signal.SIGTERM, seconds: float = 60) -> int:
    """End a process by a signal; give its exit code."""
    if process.poll() is None:
        process.send_signal(signum)
    try:
        return process.wait(seconds)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@contextmanager
def worker(settings: Settings, **more: str) -> Iterator[Process]:
    """Run a worker for the length of a block."""
    process = start_worker(settings, **more)
    try:
        yield process
    finally:
        stop(process)


@contextmanager
def clock(settings: Settings) -> Iterator[Process]:
    """Run the clock for the length of a block."""
    process = start(settings, "-m", "app.ticker")
    drain(process)
    try:
        yield process
    finally:
        stop(process)


@contextmanager
def web(settings: Settings, **more: str) -> Iterator[Web]:
    """Run the web process by the very command of the Procfile, on a free port."""
    port = procfile.free_port()
    process = subprocess.Popen(
        procfile.command("web"),
        cwd=PROJECT,
        env=environment(settings, PORT=str(port), GRANIAN_HOST=procfile.HOST, **more),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    drain(process)
    try:
        there = eventually(
            lambda: process.poll() is not None or procfile.answers(port), START_SECONDS, pause=0.1
        )
        assert there, "the web process does not answer"
        assert process.poll() is None, f"the web process ended with {process.returncode}"
        yield Web(process, port)
    finally:
        stop(process)


def eventually(ask: Callable[[], Found], seconds: float = 60, pause: float = 0.02) -> Found:
    """Ask again until the answer is true, for at most `seconds`; give the last answer."""
    end = time.monotonic() + seconds
    while not (found := ask()) and time.monotonic() < end:
        time.sleep(pause)
    return found

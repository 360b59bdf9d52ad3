"""One real process of the service: web, worker or clock, with proxies of its own before its servers."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

from tests import procfile
from tests.faults.network import Proxy
from tests.servers import PROJECT, SECRET_KEY

START_SECONDS = 90
LEFT_OUT = ("PORT", "DATA_DIR", "DATABASE_URL", "REDIS_URL")


class Member:
    """A line of the Procfile, running; `postgres` and `redis` are the proxies that it alone goes through."""

    def __init__(self, kind: str, postgres: Proxy, redis: Proxy, log: Path, env: dict[str, str]) -> None:
        self.kind = kind
        self.postgres = postgres
        self.redis = redis
        self.log = log
        self.frozen = False
        self._read = log.stat().st_size if log.exists() else 0
        self.port = int(env.get("PORT", "0")) or procfile.free_port()
        self._env = env | {"PORT": str(self.port)}
        self.process = self._spawn()

    def _spawn(self) -> "subprocess.Popen[bytes]":
        kept = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
        with self.log.open("ab") as output:
            return subprocess.Popen(
                procfile.command(self.kind),
                cwd=PROJECT,
                env=kept | BASE | {"PATH": procfile.programs()} | self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def url(self) -> str:
        """Give the address of a web."""
        return f"http://127.0.0.1:{self.port}"

    def says(self, words: str) -> bool:
        """Tell whether its log, shared with those of earlier tests, has some words since its last start."""
        return words in self.log.read_bytes()[self._read :].decode(errors="replace")

    def await_ready(self) -> "Member":
        """Wait until a worker or a web is at work; a clock has nothing to wait for."""
        end = time.monotonic() + START_SECONDS
        while not self._is_ready():
            assert self.process.poll() is None, self.log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < end, f"{self.kind} does not start"
            time.sleep(0.05)
        return self

    def _is_ready(self) -> bool:
        if self.kind == "worker":
            return self.says("worker started")
        return self.kind != "web" or procfile.answers(self.port)

    # -- what may happen to it --

    def kill(self) -> None:
        """Kill it without warning, its children with it where they are of its group."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_child(self, number: int = 0) -> None:
        """Kill one of its children without warning: a part of a clock, the serving process of a web."""
        with suppress(psutil.NoSuchProcess, IndexError):
            psutil.Process(self.process.pid).children()[number].kill()

    def freeze(self) -> None:
        """Stop it where it stands."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        """Let it go on."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGCONT)
        self.frozen = False

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)

    def restart(self) -> None:
        """Start it again after its end."""
        if self.process.poll() is None:
            self.end()
        self.frozen = False
        self._read = self.log.stat().st_size
        self.process = self._spawn()

    def end(self, seconds: float = 30) -> int:
        """Stop it in an orderly way, or in the other; give its exit code."""
        if self.frozen:
            self.thaw()
        if self.process.poll() is None:
            self.ask_to_stop()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.process.returncode

    def heal(self) -> None:
        """Take away all that keeps it from its work."""
        if self.frozen:
            self.thaw()
        self.postgres.heal()
        self.redis.heal()


BASE = {
    "SECRET_KEY": SECRET_KEY,
    "HTTP_ALLOW_HOSTS": "127.0.0.1",
    "LOG_LEVEL": "INFO",
    "LEASE_SECONDS": "3",
    "SHUTDOWN_GRACE_SECONDS": "1",
    "SANDBOX_CHILDREN": "1",
    "GRANIAN_HOST": "127.0.0.1",
    "WEB_THREADS": "16",
    "STREAM_LIMIT": "8",
}

"""`make run`: starts everything, keeps it running, says what is wrong in one line, leaves nothing."""

import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.procfile import free_port
from tests.servers import PROJECT

START_SECONDS = 120
MOST_SECONDS = 60
UNDER_TEST = {"LOG_LEVEL": "WARNING", "SHUTDOWN_GRACE_SECONDS": "2", "SANDBOX_CHILDREN": "1"}


class Launched:
    """One `python -m app.launch`; what it prints, and its processes."""

    def __init__(self, data_dir: Path, port: int, **env: str) -> None:
        self.data_dir = data_dir
        self.url = f"http://127.0.0.1:{port}"
        self.printed = data_dir.with_name(f"{data_dir.name}-{port}.out")
        with self.printed.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.launch"],
                cwd=PROJECT,
                env=os.environ | UNDER_TEST | {"DATA_DIR": str(data_dir), "PORT": str(port)} | env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def says(self, pattern: str, seconds: float = START_SECONDS) -> str:
        """Wait for a line that fits, and give its first group or the line."""
        found = until(lambda: re.search(pattern, self.output, re.MULTILINE), seconds, lambda: self.output)
        return found[found.re.groups]

    @property
    def output(self) -> str:
        return self.printed.read_text()

    def processes(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def child_or_none(self, word: str) -> psutil.Process | None:
        """Give the child whose command has `word`, if it lives."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children():
                if child.status() != "zombie" and any(word in part for part in child.cmdline()):
                    return child
        return None

    def child(self, word: str) -> psutil.Process:
        """Give the child whose command has `word`."""
        found = self.child_or_none(word)
        assert found is not None
        return found

    def answers(self, path: str) -> bool:
        """Tell whether a GET succeeds."""
        with contextlib.suppress(OSError), urllib.request.urlopen(self.url + path, timeout=30) as reply:
            return reply.status == 200
        return False

    def get(self, path: str, key: str) -> Any:
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(MOST_SECONDS)


def until(found: Callable[[], Any], seconds: float = MOST_SECONDS, state: Callable[[], Any] = str) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := found()):
        if time.monotonic() > deadline:
            pytest.fail(f"did not come within {seconds} s: {state()}")
        time.sleep(0.05)
    return value


def gone(processes: list[psutil.Process]) -> bool:
    return not [process for process in processes if process.is_running() and process.status() != "zombie"]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="linea-launch-") as folder:
        yield Path(folder) / "data"


@pytest.fixture
def launch(data_dir: Path) -> Iterator[Callable[..., Launched]]:
    """Launch on `data_dir`; what still runs after the test is stopped."""
    launched: list[Launched] = []

    def launch_one(port: int | None = None, **env: str) -> Launched:
        launched.append(Launched(data_dir, port or free_port(), **env))
        return launched[-1]

    yield launch_one
    for one in launched:
        one.stop()


@pytest.fixture(scope="module")
def running() -> Iterator[Launched]:
    """Give one that is ready, for tests that leave it so."""
    with tempfile.TemporaryDirectory(prefix="linea-launch-") as folder:
        one = Launched(Path(folder) / "data", free_port())
        try:
            one.says("^ready$")
            yield one
        finally:
            one.stop()


def test_it_gets_ready_and_a_second_start_keeps_the_demo(launch):
    first = launch()
    first.says("^ready$")
    key, space = first.says(r"API key +(\S+)"), first.says(r"^ +space +(\S+)")
    workspace = first.get("/me", key)["workspaceId"]
    names = {w["name"] for w in first.get(f"/workspaces/{workspace}/spaces/{space}/workflows", key)["data"]}
    first.stop()

    second = launch()
    second.says("^ready$")

    assert names == {"Greeting", "Order total", "Price check"}
    assert (second.says(r"API key +(\S+)"), second.says(r"^ +space +(\S+)")) == (key, space)
    assert second.get("/me", key)["workspaceId"] == workspace


def test_it_prints_a_link_that_logs_in(running):
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

    with browser.open(running.says(r"open (http\S+)"), timeout=30) as reply:
        address, page = reply.url, reply.read().decode()

    assert address == f"{running.url}/"
    assert "Demo" in page


def test_a_second_one_on_the_same_folder_says_where_the_first_is(running):
    second = Launched(running.data_dir, free_port())

    assert second.process.wait(MOST_SECONDS) == 1
    assert second.output == f"already running on {running.data_dir}: {running.url}\n"


def test_a_taken_port_is_named(launch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        refused = launch(port)

        assert refused.process.wait(MOST_SECONDS) == 1
        assert re.fullmatch(rf"PORT {port} cannot be used .*: set another, .*\n", refused.output)


def test_a_bad_setting_is_named_before_anything_starts(launch, data_dir):
    refused = launch(WORKER_CONCURRENCY="many")

    assert refused.process.wait(MOST_SECONDS) == 1
    assert refused.output == "WORKER_CONCURRENCY is 'many': it must be a whole number from 1 to 10000\n"
    assert not (data_dir / "postgres").exists()


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("HTTP_ALLOW_HOSTS", "http://x", "'http://x' is not a network"),
        ("TASK_MODULES", "no_such_module", "which cannot be imported: ModuleNotFoundError"),
        ("WEB_CONCURRENCY", "0", "is '0': it must be a whole number from 1 to 256"),
        ("DATABASE_URL", "postgres://u@127.0.0.1:1/x", "cannot be reached: .*Connection refused"),
        ("DATA_DIR", os.devnull, "cannot hold data"),
    ],
)
def test_what_it_cannot_work_with_is_named_in_one_line(launch, data_dir, name, value, line):
    refused = launch(**{name: value})

    assert refused.process.wait(MOST_SECONDS) == 1
    assert re.fullmatch(rf".*{name}.*\n", refused.output)
    assert re.search(line, refused.output)
    assert not (data_dir / "postgres").exists()


def test_a_second_shell_finds_the_servers_while_they_run(running):
    run_env = running.data_dir / "run.env"

    names = {line.partition("=")[0] for line in run_env.read_text().splitlines()}

    assert names >= {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "HTTP_ALLOW_HOSTS"}
    assert stat.S_IMODE(run_env.stat().st_mode) == 0o600


def test_children_that_die_are_said_and_started_again(running):
    words = {"worker": "worker.py", "clock": "app.ticker", "web": "wsgi:app", "postgres": "pginstall"}
    first = {name: running.child(word) for name, word in words.items()}

    for child in first.values():
        child.kill()

    for name, child in first.items():
        running.says(rf"^{name} +\| was ended by SIGKILL; starting it again in 0.5 s$")
        second = until(lambda name=name: running.child_or_none(words[name]))
        assert second.pid != child.pid
    until(lambda: running.answers("/readyz"))


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_and_leaves_nothing(launch, data_dir, signum):
    running = launch()
    running.says("^ready$")
    processes, run_env = running.processes(), data_dir / "run.env"
    assert run_env.exists()

    running.process.send_signal(signum)

    assert running.process.wait(MOST_SECONDS) == 0
    assert gone(processes)
    assert not run_env.exists()
    assert [path for path in data_dir.rglob("*") if path.is_socket()] == []


def test_asked_to_stop_while_it_starts_it_leaves_nothing(launch, data_dir):
    running = launch()
    until((data_dir / "postgres").exists)
    processes = running.processes()

    running.process.send_signal(signal.SIGINT)

    assert running.process.wait(MOST_SECONDS) == 0
    assert gone(processes)


def test_when_it_is_killed_its_children_end_too(launch):
    running = launch()
    running.says("^ready$")
    processes = running.processes()

    running.process.kill()
    running.process.wait()

    until(lambda: gone(processes), state=lambda: [p for p in processes if p.is_running()])

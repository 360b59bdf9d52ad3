"""`make run`: starts everything, keeps it running, says what is wrong in one line."""

import os
import re
import socket
import stat
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.launched import MOST_SECONDS, Launched, until
from tests.procfile import free_port

pytestmark = pytest.mark.long


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

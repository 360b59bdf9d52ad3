"""The lines of the Procfile with a bad setting: one line that names it, and exit code 1."""

import os
import re
import socket
import subprocess
import sys

import pytest

from tests import procfile
from tests.servers import PROJECT, SECRET_KEY

MOST_SECONDS = 120
AWAY = {
    "DATABASE_URL": "postgres://u@127.0.0.1:1/x",
    "REDIS_URL": "redis://127.0.0.1:1",
    "SECRET_KEY": SECRET_KEY,
    "GRANIAN_HOST": procfile.HOST,
}


def start(command: list[str], **env: str) -> "subprocess.CompletedProcess[str]":
    """Start what is expected to end by itself, its servers away."""
    return subprocess.run(
        command,
        cwd=PROJECT,
        env=os.environ | {"PATH": procfile.programs()} | AWAY | env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("kind", ["release", "web", "worker", "clock"])
def test_each_process_names_the_setting_that_is_missing(kind):
    ended = start(procfile.command(kind), SECRET_KEY="")

    assert ended.stdout == "SECRET_KEY is not set: the service cannot start without it\n"
    assert ended.returncode == 1


@pytest.mark.parametrize(("name", "value"), [("WEB_CONCURRENCY", "-1"), ("TASK_MODULES", "no_such_module")])
def test_the_web_names_the_setting_that_is_bad(name, value):
    ended = start(procfile.command("web"), **{name: value})

    assert re.fullmatch(rf"{name} .*{value}.*\n", ended.stdout)
    assert ended.returncode == 1


def test_the_web_names_a_taken_port():
    with socket.create_server((procfile.HOST, 0)) as taken:
        port = taken.getsockname()[1]

        ended = start(procfile.command("web"), PORT=str(port))

    assert re.fullmatch(rf"PORT {port} of GRANIAN_HOST 127.0.0.1 cannot be used .*\n", ended.stdout)
    assert ended.returncode == 1


def test_any_other_wsgi_server_shows_the_line_too():
    ended = start([sys.executable, "-c", "import wsgi"], HTTP_ALLOW_HOSTS="10.0.0.0/99")

    assert re.fullmatch(r"HTTP_ALLOW_HOSTS: '10.0.0.0/99' is not a network.*\n", ended.stdout)
    assert ended.returncode == 1


def test_the_release_says_that_the_database_is_away():
    ended = start(procfile.command("release"))

    assert re.fullmatch(r"DATABASE_URL names a database that cannot be reached: .*\n", ended.stdout)
    assert ended.returncode == 1

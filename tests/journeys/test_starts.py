"""The lines of the Procfile with a bad setting: one line that names it, and exit code 1."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.serve import KILL_SECONDS
from tests import procfile
from tests.journeys.launched import until
from tests.servers import PROJECT, SECRET_KEY

MOST_SECONDS = 120
SLOW_TASKS = """
import pathlib, sys, time
if "granian" in sys.argv[0]:
    pathlib.Path(__file__).with_suffix(".loading").touch()
    time.sleep(300)
"""
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


def test_the_web_ends_at_once_when_asked_to_while_it_loads(tmp_path: Path) -> None:
    (tmp_path / "slow_tasks.py").write_text(SLOW_TASKS)
    env = {"TASK_MODULES": "slow_tasks", "PYTHONPATH": str(tmp_path), "PORT": str(procfile.free_port())}
    web = subprocess.Popen(
        procfile.command("web"),
        cwd=PROJECT,
        env=os.environ | {"PATH": procfile.programs()} | AWAY | env,
        start_new_session=True,
    )
    try:
        until((tmp_path / "slow_tasks.loading").exists)

        web.send_signal(signal.SIGTERM)

        assert web.wait(KILL_SECONDS - 2) == 0
    finally:
        if web.poll() is None:
            os.killpg(web.pid, signal.SIGKILL)
            web.wait()


def test_ctrl_c_while_make_run_loads_shows_no_trace(tmp_path: Path) -> None:
    launch = subprocess.Popen(
        [sys.executable, "-m", "app.launch"],
        cwd=PROJECT,
        env=os.environ | {"DATA_DIR": str(tmp_path / "var"), "PORT": "0", "PYTHONVERBOSE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert launch.stderr is not None
    any(line.startswith("import 'sqlalchemy.") for line in launch.stderr)

    launch.send_signal(signal.SIGINT)

    assert "Traceback" not in launch.communicate(timeout=MOST_SECONDS)[1]

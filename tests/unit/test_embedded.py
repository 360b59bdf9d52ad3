"""The embedded servers keep their data, refuse a second owner and leave nothing."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
import redis

from app import daemons
from app.daemons import Server, ServerRefused
from app.embedded import start_postgres, start_valkey
from tests.living import living

Start = Callable[..., Server]
pytestmark = pytest.mark.long
BOTH = pytest.mark.parametrize("server", [start_postgres, start_valkey])
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="linea-embedded-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Start a server that is stopped after the test."""
    started: list[Server] = []

    def start_one(server: Start, data_dir: Path = folder, **options: Any) -> Server:
        started.append(server(data_dir, **options))
        return started[-1]

    yield start_one
    for one in started:
        one.stop()


def ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_postgres_keeps_its_data_over_restarts(start):
    first = start(start_postgres)
    ask(first.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    first.stop()

    second = start(start_postgres)

    assert (second.url, ask(second.url, "SELECT answer FROM kept")) == (first.url, [(42,)])


def test_valkey_keeps_its_data_over_restarts(start):
    first = start(start_valkey)
    with redis.Redis.from_url(first.url) as client:
        client.set("kept", "42")
    first.stop()

    second = start(start_valkey)

    with redis.Redis.from_url(second.url) as client:
        assert (second.url, client.get("kept")) == (first.url, b"42")


def test_what_was_committed_outlives_a_killed_postgres(start):
    first = start(start_postgres)
    ask(first.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    first.process.kill()

    second = start(start_postgres)

    assert ask(second.url, "SELECT answer FROM kept") == [(42,)]


def test_postgres_waits_for_the_disk_and_takes_200_connections(start):
    server = start(start_postgres)

    [row] = ask(server.url, "SELECT current_setting('fsync'), current_setting('max_connections')")

    assert row == ("on", "200")


@BOTH
def test_a_stopped_server_leaves_no_process_and_no_socket(start, folder, server):
    running = start(server)
    processes = [psutil.Process(running.process.pid), *psutil.Process(running.process.pid).children()]

    running.stop()

    assert living(processes) == []
    assert [path for path in folder.rglob("*") if path.is_socket()] == []


@BOTH
def test_one_folder_has_one_server(start, monkeypatch, server):
    monkeypatch.setattr(daemons, "LOCK_SECONDS", 0.1)
    start(server)

    with pytest.raises(ServerRefused, match="another server already works in"):
        start(server)


@BOTH
def test_a_folder_with_a_long_name_and_odd_signs_works(start, folder, server):
    running = start(server, folder / ("it's long, really " + "long" * 40))

    sockets = running.sockets
    running.stop()

    assert (len(str(sockets)) < 80, sockets.exists()) == (True, False)


@BOTH
def test_a_file_in_place_of_the_folder_is_named(folder, server):
    (folder / "file").write_text("")

    with pytest.raises(ServerRefused, match="file cannot hold data"):
        server(folder / "file")


@BOTH
def test_a_server_dies_with_a_killed_parent(folder, server):
    code = (
        "import sys, time; from pathlib import Path; from app import embedded\n"
        f"print(embedded.{server.__name__}(Path(sys.argv[1])).process.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = psutil.Process(int(parent.stdout.readline()))

        parent.kill()

        psutil.wait_procs([child], timeout=60)
        assert living([child]) == []


def test_data_of_another_postgres_version_is_refused(start, folder):
    start(start_postgres).stop()
    (folder / "postgres" / "PG_VERSION").write_text("9\n")

    with pytest.raises(ServerRefused, match="was made by PostgreSQL 9"):
        start(start_postgres)


def test_a_log_gives_the_line_that_says_why_not_what_came_after_it(folder):
    log = folder / "initdb.log"
    log.write_text(
        "FATAL:  could not write to file: No space left on device\n"
        "FATAL:  the database system is starting up\n"
        "initdb: removing contents of data directory\n"
    )

    line = daemons.last_line(log)

    assert line == "FATAL:  could not write to file: No space left on device"


def test_valkey_that_cannot_read_its_data_says_so(start, folder):
    start(start_valkey).stop()
    (folder / "valkey" / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")

    with pytest.raises(ServerRefused, match="valkey ended at its start: .*manifest"):
        start(start_valkey)


def test_a_start_cut_short_while_the_data_was_made_is_made_good(start, folder):
    (folder / "postgres.new").mkdir()
    (folder / "postgres.new" / "PG_VERSION").write_text("18\n")

    server = start(start_postgres)

    assert ask(server.url, "SELECT 1") == [(1,)]


def test_over_tcp_postgres_asks_for_the_password(start):
    server = start(start_postgres, tcp=True)
    scheme, _, rest = server.url.partition("://")
    stranger = f"{scheme}://linea:wrong@{rest.partition('@')[2]}"

    assert ask(server.url, "SELECT 1") == [(1,)]
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        ask(stranger, "SELECT 1")


@AS_ROOT
def test_as_root_postgres_runs_as_another_user_and_closed_folders_stay_closed(start, folder):
    (folder / "closed").mkdir(mode=0o700)

    server = start(start_postgres, folder / "closed" / "data")

    assert psutil.Process(server.process.pid).uids().effective != 0
    assert (folder / "closed").stat().st_mode & 0o777 == 0o700


@AS_ROOT
def test_an_ordinary_user_can_run_both(folder):
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    code = (
        "import os, sys; from pathlib import Path; from app import embedded\n"
        "os.setgroups([]); os.setgid(int(sys.argv[3])); os.setuid(int(sys.argv[2]))\n"
        "for start in embedded.start_postgres, embedded.start_valkey:\n"
        "    start(Path(sys.argv[1])).stop()"
    )
    reachable = [sys.executable, "-c", code, str(folder), str(nobody.pw_uid), str(nobody.pw_gid)]

    # Coverage would write into this checkout, which is not the other user's.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}

    done = subprocess.run(reachable, capture_output=True, text=True, timeout=120, env=plain)

    if "Permission denied" in done.stderr:
        pytest.skip("this checkout or its Python is closed to other users")
    assert (done.returncode, done.stderr) == (0, "")

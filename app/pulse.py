"""Feels the pulse of database servers, so that nobody waits for one that answers nobody any more.

A server that hangs keeps its connections open: the kernel, or a proxy, acknowledges what is sent to it, and
no timeout of TCP notices. A long statement is as silent as a dead server. So a silent server is asked for a
sign of life on a connection of its own, and only if it gives none are those cut that wait for it.
"""

import os
import socket
import struct
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from psycopg2 import OperationalError
from psycopg2.extensions import connection, cursor

from app import log

SILENCE_SECONDS = 0.5
SIGN_SECONDS = 1.25
LOOK_SECONDS = 0.2
CONNECT_SECONDS = 2
AWAY_SECONDS = 1.0
# The server itself ends a statement sooner; what is silent for longer is a connection that got lost alone.
LONGEST_SECONDS = 60.0
# PostgreSQL's SSLRequest: length and code. Its answer is one byte, before any log-in.
SIGN = struct.pack("!ii", 8, 80877103)

logger = log.get(__name__)


class Line(connection):
    """A connection that is cut when its server has stopped to answer: its user gets an OperationalError.

    So does, at once, who wants to open one while the server is known to be away.
    """

    def __init__(self, dsn: str, **given: Any) -> None:
        WATCH.refuse_if_away(dsn)
        self.wait = Wait(self, dsn)
        begun = time.monotonic()
        try:
            super().__init__(dsn, **given)
        except OperationalError:
            if time.monotonic() - begun > 0.9 * CONNECT_SECONDS:
                WATCH.note_away(dsn)
            raise
        self.cursor_factory = Question

    def commit(self) -> None:
        with self.wait:
            super().commit()

    def rollback(self) -> None:
        with self.wait:
            super().rollback()

    def set_isolation_level(self, level: int | None) -> None:
        """Set it; the server is told where autocommit ends."""
        with self.wait:
            super().set_isolation_level(level)


class Question(cursor):
    """A cursor on a Line: its statements are answered, or cut."""

    connection: Line

    def execute(self, query: Any, vars: Any = None) -> None:
        with self.connection.wait:
            super().execute(query, vars)

    def executemany(self, query: Any, vars_list: Iterable[Any]) -> None:
        with self.connection.wait:
            super().executemany(query, vars_list)


class Wait:
    """The wait for an answer on one line: entered again and again, by one thread at a time."""

    def __init__(self, line: Line, server: str) -> None:
        self.server = server
        self.since = 0.0
        self._line = line
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self.since = time.monotonic()
        WATCH.add(self)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            WATCH.waits.discard(self)

    def cut(self) -> None:
        """Shut the connection down, unless the answer has come."""
        with self._lock, suppress(OSError):
            if self in WATCH.waits:
                with self._socket() as near:
                    near.shutdown(socket.SHUT_RDWR)

    def has_pulse(self) -> bool:
        """Ask what is at the other end of the connection for a sign of life."""
        try:
            with self._lock:
                if self not in WATCH.waits:
                    return True
                near = self._socket()
            with near, socket.socket(near.family, socket.SOCK_STREAM) as other:
                other.settimeout(SIGN_SECONDS)
                other.connect(near.getpeername())
                other.sendall(SIGN)
                return bool(other.recv(1))
        except OSError:
            return False

    def _socket(self) -> socket.socket:
        return socket.socket(fileno=os.dup(self._line.fileno()))


class Watch:
    """Looks after all waits of a process from one thread, and remembers which server is away."""

    def __init__(self) -> None:
        self.waits: set[Wait] = set()
        self._away: dict[str, float] = {}
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, wait: Wait) -> None:
        """Look after a wait until it is discarded."""
        self.waits.add(wait)
        if self._thread is None:
            self._start()

    def refuse_if_away(self, server: str) -> None:
        """Raise OperationalError while a server is known to be away."""
        if time.monotonic() < self._away.get(server, 0.0):
            raise OperationalError("the database server answers nobody")

    def note_away(self, server: str) -> None:
        """Remember for a moment that a server is away, so that the next do not all find it out by waiting."""
        self._away[server] = time.monotonic() + AWAY_SECONDS

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            silent = [wait for wait in tuple(self.waits) if time.monotonic() - wait.since > SILENCE_SECONDS]
            for server, wait in {wait.server: wait for wait in silent}.items():
                if not wait.has_pulse():
                    self._give_up(server)
            for wait in silent:
                if time.monotonic() - wait.since > LONGEST_SECONDS:
                    wait.cut()

    def _give_up(self, server: str) -> None:
        waits = [wait for wait in tuple(self.waits) if wait.server == server]
        logger.warning("the database server answers nobody", waiting=len(waits))
        self.note_away(server)
        for wait in waits:
            wait.cut()


WATCH = Watch()
# A forked child has neither the thread nor the waits; the connections of its parent are not its own to cut.
os.register_at_fork(after_in_child=WATCH.__init__)  # type: ignore[misc]

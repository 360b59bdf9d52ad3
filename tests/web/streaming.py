"""A real web process, and clients that listen to its live streams."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from app.settings import Settings
from tests.journeys import processes
from tests.journeys.processes import Process, eventually
from tests.procfile import HOST

PATIENCE_SECONDS = 60


@dataclass
class Event:
    """One event as it came."""

    id: str | None = None
    event: str = "message"
    data: Any = None


class Answer:
    """What a request gave, its body unread."""

    def __init__(self, port: int, method: str, path: str, headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE_SECONDS)
        self._connection.connect()
        self._socket: socket.socket = self._connection.sock
        self._connection.request(method, path, headers=headers)
        self.response = self._connection.getresponse()

    def hang_up(self) -> None:
        """Let nothing more come; any thread may do it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give everything back."""
        self.response.close()
        self._connection.close()
        self._socket.close()


@dataclass
class Listener:
    """A client that reads a stream in a thread until it ends."""

    answer: Answer
    events: list[Event] = field(default_factory=list)
    pings: int = 0
    last_id: str | None = None
    ended: bool = False
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self) -> None:
        """Read as the HTML standard says: an id stays until another one comes."""
        now = Event()
        with suppress(OSError, http.client.HTTPException):
            while line := self.answer.response.readline():
                self._take(now, line.decode().rstrip("\n"))
                if line == b"\n":
                    now = Event()
        self.answer.close()
        self.ended = True

    def _take(self, now: Event, line: str) -> None:
        name, _, value = line.partition(": ")
        if line == ": ping":
            self.pings += 1
        elif name == "data":
            now.data = json.loads(value)
        elif name == "event":
            now.event = value
        elif name == "id":
            self.last_id = value
        elif line == "" and now.data is not None:
            now.id = self.last_id
            self.events.append(now)

    def find(self, test: Callable[[Event], object]) -> Event | None:
        """Give the first event that fits, waiting for it; None when none comes."""
        return eventually(lambda: next(filter(test, self.events), None), PATIENCE_SECONDS)

    def status(self, execution_id: str, status: str) -> Event | None:
        """Wait for an execution to be told as having a status."""
        return self.find(
            lambda e: e.event == "execution" and (e.data["id"], e.data["status"]) == (execution_id, status)
        )

    def close(self) -> None:
        """Leave."""
        self.answer.hang_up()
        self.thread.join(PATIENCE_SECONDS)


@dataclass
class Web:
    """A running web process."""

    process: Process
    port: int
    listeners: list[Listener] = field(default_factory=list)

    def ask(self, path: str, key: str | None, method: str = "GET", **headers: str) -> Answer:
        """Send a request, with a key unless `headers` hold a session; the answer is to be closed."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return Answer(self.port, method, path, ({"Authorization": f"Bearer {key}"} if key else {}) | sent)

    def refused(self, path: str, key: str, **headers: str) -> tuple[int, dict[str, Any]]:
        """Give status and problem of a request that is refused."""
        with closing(self.ask(path, key, **headers)) as answer:
            return answer.response.status, json.loads(answer.response.read())

    def listen(self, path: str, key: str | None, **headers: str) -> Listener:
        """Open a stream."""
        answer = self.ask(path, key, **headers)
        assert answer.response.status == 200, answer.response.read()
        self.listeners.append(Listener(answer))
        return self.listeners[-1]


@contextmanager
def serving(settings: Settings, **more: str) -> Iterator[Web]:
    """Run a web process with room for a few streams."""
    given = {"STREAM_LIMIT": "16", "WEB_THREADS": "4"} | more
    with processes.web(settings, **given) as started:
        web = Web(started.process, started.port)
        try:
            yield web
        finally:
            for listener in web.listeners:
                listener.close()

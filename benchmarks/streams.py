"""What many open live streams cost the API: POSTs at an even pace, without streams and with them."""

import http.client
import json
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from uuid import UUID

from benchmarks.ours import HOST, INPUT, Ours
from benchmarks.percentiles import percentile
from benchmarks.processes import Broken, wait_for

STREAMS = 200
RATE = 20
WARM_SECONDS = 1.0
TURNS = 4


@dataclass(frozen=True, slots=True)
class Streamed:
    """p50 and p99 of POSTs in ms without streams and with all of them, and the bytes that these brought."""

    alone: tuple[float, float]
    beside: tuple[float, float]
    received: int


def measure(ours: Ours, workflow_id: UUID, seconds: float) -> Streamed:
    """Post in turns without streams and with all of them on the same workspace; raises Broken."""
    ours.servers.empty()
    alone: list[float] = []
    beside: list[float] = []
    received, turn = 0, seconds / TURNS
    with ours.web() as port, ours.ready_worker():
        for _ in range(TURNS):
            _posts(ours, port, workflow_id, WARM_SECONDS)
            alone += _posts(ours, port, workflow_id, turn)
            with listening(ours, port) as readers:
                _posts(ours, port, workflow_id, WARM_SECONDS)
                before = readers.received
                beside += _posts(ours, port, workflow_id, turn)
                received += readers.received - before
    if received < STREAMS * RATE * seconds:
        raise Broken("the streams told of nothing")
    return Streamed(_percentiles(alone), _percentiles(beside), received)


def _percentiles(found: list[float]) -> tuple[float, float]:
    return percentile(found, 0.50), percentile(found, 0.99)


def _posts(ours: Ours, port: int, workflow_id: UUID, seconds: float) -> list[float]:
    """Post RATE times a second; give how many ms each took."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    body = json.dumps({"workflowId": str(workflow_id), "input": INPUT})
    headers = {"Authorization": f"Bearer {ours.api_key}", "Content-Type": "application/json"}
    found, begin = [], time.monotonic()
    for number in range(int(RATE * seconds)):
        time.sleep(max(0.0, begin + number / RATE - time.monotonic()))
        at = time.perf_counter()
        connection.request("POST", ours.path, body, headers)
        reply = connection.getresponse()
        reply.read()
        found.append(1000 * (time.perf_counter() - at))
        if reply.status != http.client.ACCEPTED:
            raise Broken(f"a POST was refused: {reply.status}")
    connection.close()
    return found


class Readers:
    """One thread that reads what all streams bring, and counts the bytes."""

    def __init__(self) -> None:
        self.received = 0
        self.answered = 0
        self._selector = selectors.DefaultSelector()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def add(self, stream: socket.socket) -> None:
        """Read a stream from here on."""
        self._selector.register(stream, selectors.EVENT_READ)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def end(self) -> None:
        """Read no more."""
        self._ends.set()
        self._thread.join()
        self._selector.close()

    def _run(self) -> None:
        while not self._ends.is_set():
            for key, _ in self._selector.select(0.1):
                stream = key.fileobj
                assert isinstance(stream, socket.socket)
                text = stream.recv(1 << 18)
                self.answered += text.startswith(b"HTTP/1.1 200")
                self.received += len(text)


@contextmanager
def listening(ours: Ours, port: int) -> Iterator[Readers]:
    """Open all streams of the benchmark's workspace, and read them until the end of this block."""
    path = f"/workspaces/{ours.scope.workspace_id}/executions/stream"
    request = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {ours.api_key}\r\n\r\n".encode()
    readers = Readers()
    with ExitStack() as stack:
        for _ in range(STREAMS):
            stream = stack.enter_context(socket.create_connection((HOST, port)))
            stream.sendall(request)
            readers.add(stream)
        stack.callback(readers.end)
        readers.start()
        wait_for(lambda: readers.answered == STREAMS, "the start of the streams", 30)
        yield readers

"""A real HTTP server for the steps of journeys: it answers as asked and remembers what came in."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PATIENCE_SECONDS = 60


@dataclass
class Record:
    """What the server was asked: idempotency keys by path, and how many requests are open."""

    url: str = ""
    keys: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    open: Counter[str] = field(default_factory=Counter)
    most_open: Counter[str] = field(default_factory=Counter)
    lock: threading.Condition = field(default_factory=threading.Condition)

    def keys_of(self, path: str) -> list[str]:
        """Give the idempotency keys that came to a path, in order."""
        with self.lock:
            return [key for asked, key in self.keys if asked == path]

    def come(self, path: str, key: str) -> int:
        """Note a request; give its number among those to its path."""
        with self.lock:
            self.keys.append((path, key))
            self.counts[path] += 1
            self.open[path] += 1
            self.most_open[path] = max(self.most_open[path], self.open[path])
            self.lock.notify_all()
            return self.counts[path]

    def go(self, path: str) -> None:
        """Note that a request is about to be answered."""
        with self.lock:
            self.open[path] -= 1

    def wait_for(self, wanted: dict[str, int]) -> bool:
        """Wait until as many requests as `wanted` have come to each path; tell whether they have."""
        with self.lock:
            return self.lock.wait_for(
                lambda: all(self.counts[path] >= count for path, count in wanted.items()), PATIENCE_SECONDS
            )


class Handler(BaseHTTPRequestHandler):
    """`/any?status=…&wait=…&fail=N`: answer with a status, after some seconds, failing the first N times.

    `crowd=N` waits until N requests have come to this path, `after=/a,/b` until one has come to each of
    those: what a test says of things at the same time does not depend on how fast the machine is.
    `later=N` asks for a pause of N seconds before the next request.
    """

    protocol_version = "HTTP/1.1"
    record: Record

    def do_GET(self) -> None:
        """Answer as the query asks."""
        asked = urlsplit(self.path)
        options = {name: values[0] for name, values in parse_qs(asked.query).items()}
        number = self.record.come(asked.path, self.headers.get("Idempotency-Key", ""))
        wanted = {path: 1 for path in options.get("after", "").split(",") if path}
        came = self.record.wait_for(wanted | {asked.path: int(options.get("crowd", 1))})
        time.sleep(float(options.get("wait", 0)))
        self.record.go(asked.path)
        status = 503 if number <= int(options.get("fail", 0)) else int(options.get("status", 200))
        if not came:
            status = 508
        self._answer(status, {"path": asked.path, "number": number}, options.get("later"))

    def do_POST(self) -> None:
        """Read the body, then answer as the query asks."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def _answer(self, status: int, body: object, later: str | None) -> None:
        data = json.dumps(body).encode()
        with suppress(OSError):  # it has hung up
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            if later is not None:
                self.send_header("Retry-After", later)
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


class Server(ThreadingHTTPServer):
    """One thread a request; hundreds may come at once."""

    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients of these tests hang up on purpose."""


@contextmanager
def serving() -> Iterator[Record]:
    """Run the server; give its record."""
    record = Record()
    server = Server(("127.0.0.1", 0), type("Recording", (Handler,), {"record": record}))
    record.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield record
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

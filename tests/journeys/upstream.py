"""A real HTTP server for the steps of journeys: it answers as asked and remembers what came in."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class Record:
    """What the server was asked: idempotency keys by path, and how many requests are open."""

    url: str = ""
    keys: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    gone: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keys_of(self, path: str) -> list[str]:
        """Give the idempotency keys that came to a path, in order."""
        with self.lock:
            return [key for asked, key in self.keys if asked == path]


class Handler(BaseHTTPRequestHandler):
    """`/any?status=…&wait=…&fail=N`: answer with a status, after some seconds, failing the first N times."""

    protocol_version = "HTTP/1.1"
    record: Record

    def do_GET(self) -> None:
        """Answer as the query asks."""
        asked = urlsplit(self.path)
        options = {name: values[0] for name, values in parse_qs(asked.query).items()}
        with self.record.lock:
            self.record.keys.append((asked.path, self.headers.get("Idempotency-Key", "")))
            self.record.counts[asked.path] += 1
            number = self.record.counts[asked.path]
        time.sleep(float(options.get("wait", 0)))
        status = 503 if number <= int(options.get("fail", 0)) else int(options.get("status", 200))
        self._answer(status, {"path": asked.path, "number": number}, asked.path)

    def do_POST(self) -> None:
        """Read the body, then answer as the query asks."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def _answer(self, status: int, body: object, path: str) -> None:
        data = json.dumps(body).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            with self.record.lock:
                self.record.gone[path] += 1

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

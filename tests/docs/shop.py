"""The service that the examples of docs/workflows.md call as `https://api.example.com`."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWERS: dict[str, Any] = {
    "/orders/7": {"total": 120},
    "/orders/8": {"total": 40},
    "/alerts": {"heard": True},
}
FAILURES_FIRST = 2


class Handler(BaseHTTPRequestHandler):
    """Knows two orders; `/stock` works from the third request on."""

    asked_for_stock = 0

    def do_GET(self) -> None:
        """Answer with an order, with who asks, or with the stock once it has been asked for often enough."""
        if self.path == "/stock":
            type(self).asked_for_stock += 1
            tired = self.asked_for_stock <= FAILURES_FIRST
            self.answer(503 if tired else 200, {"mugs": 12})
        elif self.path == "/me":
            self.answer(200, {"name": "Acme", "youSent": self.headers["Authorization"]})
        elif self.path in ANSWERS:
            self.answer(200, ANSWERS[self.path])
        else:
            self.answer(404, {"error": "there is no such order"})

    def do_POST(self) -> None:
        """Read the body and answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def answer(self, status: int, value: object) -> None:
        """Send JSON."""
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@contextmanager
def serving() -> Iterator[str]:
    """Run the service; give its `host:port`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Fresh", (Handler,), {}))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

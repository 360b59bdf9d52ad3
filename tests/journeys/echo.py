"""A real HTTP server that sends back what it was sent, in every form in which a secret may come back."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, quote_plus, unquote, urlsplit


class Echo(BaseHTTPRequestHandler):
    """`?status=…&as=text`: answers with the path, the headers and the body that came in."""

    def do_GET(self) -> None:
        """Answer with what came in, and with its bearer token in other forms."""
        asked = parse_qs(urlsplit(self.path).query)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        answer = {
            "path": self.path,
            "plain": unquote(self.path),
            "headers": dict(self.headers),
            "sent": sent,
            "token": token,
            token or "none": "as a key",
            "forms": [base64.b64encode(f"{'x' * n}{token}".encode()).decode() for n in range(3)],
            "urls": [quote(token, safe=""), quote_plus(token)],
            "twice": json.dumps({"inside": json.dumps(token)}),
            "number": int(token) if token.isdigit() else 0,
        }
        self._send(int(asked.get("status", ["200"])[0]), json.dumps(answer), "as" in asked)

    def do_POST(self) -> None:
        """Answer in the same way."""
        self.do_GET()

    def _send(self, status: int, text: str, plain: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if plain else "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@contextmanager
def echoing() -> Iterator[str]:
    """Run the server; give its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

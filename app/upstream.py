"""The small service that the demo's HTTP step calls, so that the demo works offline."""

import json
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PRICES = {"coffee": 4.5, "tea": 3.2, "cake": 5.9}


class Menu(BaseHTTPRequestHandler):
    """Answers `GET /prices?item=coffee` with the price of the item."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Give the price of one item, or 404."""
        query = parse_qs(urlsplit(self.path).query)
        item = query.get("item", ["coffee"])[0]
        if item in PRICES:
            self._answer(200, {"item": item, "price": PRICES[item], "currency": "EUR"})
        else:
            self._answer(404, {"error": f"there is no {item} on the menu"})

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: each execution records its call."""

    def _answer(self, status: int, value: dict[str, object]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve(listening: socket.socket) -> None:
    """Answer on a socket that listens already."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Menu, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    server.serve_forever()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))

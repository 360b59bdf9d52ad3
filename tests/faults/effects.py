"""The world outside: an HTTP server that writes down what was asked of it, when, and what it answered."""

import asyncio
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from tests.faults.network import Network


@dataclass(slots=True)
class Effect:
    """One request: its idempotency key, and when (seconds since 1970) it came and was answered."""

    key: str
    arrived: float
    answered: float | None = None


class Effects:
    """`/any?ms=…`: answers after some milliseconds, with the number of requests that had the same key."""

    def __init__(self, network: Network) -> None:
        self._lock = threading.Lock()
        self._seen: list[Effect] = []
        self._counts: Counter[str] = Counter()
        self._network = network
        self._server = network.do(self._listen())
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def seen(self) -> list[Effect]:
        """Give all requests so far, in the order in which they came."""
        with self._lock:
            return list(self._seen)

    def counts(self) -> Counter[str]:
        """Count the requests by key."""
        with self._lock:
            return Counter(self._counts)

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._seen.clear()
            self._counts.clear()

    def close(self) -> None:
        """Listen no more."""
        self._network.do(self._close())

    async def _close(self) -> None:
        self._server.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await self._answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # a connection's end, or the loop's
        finally:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        await reader.readexactly(int(headers.get("content-length", 0)))
        asked = parse_qs(urlsplit(head.split()[1]).query)
        effect = Effect(headers.get("idempotency-key", ""), time.time())
        with self._lock:
            self._seen.append(effect)
            self._counts[effect.key] += 1
            number = self._counts[effect.key]
        await asyncio.sleep(int(asked.get("ms", ["0"])[0]) / 1000)
        body = json.dumps({"key": effect.key, "number": number}).encode()
        kind = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
        writer.write(kind + str(len(body)).encode() + b"\r\n\r\n" + body)
        await writer.drain()
        effect.answered = time.time()

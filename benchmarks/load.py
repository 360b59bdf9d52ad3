"""A small load generator, a program: as many POSTs as connections allow, then one line of JSON.

python -m benchmarks.load PORT PATH API_KEY BODY CONNECTIONS SECONDS
"""

import asyncio
import json
import sys
import time
from functools import partial
from typing import Any, cast

import uvloop

from benchmarks.percentiles import percentile

HOST = "127.0.0.1"


class Caller(asyncio.Protocol):
    """One connection that sends its next request when the last one was answered."""

    transport: asyncio.Transport

    def __init__(self, request: bytes, until: float) -> None:
        self._request, self._until = request, until
        self._got = b""
        self._sent_at = 0.0
        self.seconds: list[float] = []
        self.refused = 0
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own class has another base
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the program end, early if the server hung up."""
        self.ended.set()

    def data_received(self, data: bytes) -> None:
        """Note a whole answer and go on."""
        self._got += data
        if not _whole(self._got):
            return
        self.seconds.append(time.perf_counter() - self._sent_at)
        self.refused += self._got[9:12] != b"202"
        self._got = b""
        if time.perf_counter() < self._until:
            self._send()
        else:
            self.transport.close()

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self.transport.write(self._request)


def _whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    return len(body) >= int(lines[b"content-length"])


def _same(caller: Caller) -> Caller:
    return caller


async def press(port: int, request: bytes, connections: int, seconds: float) -> dict[str, Any]:
    """Keep all connections busy; give `rate`, `p50` and `p99` in ms, and `refused`."""
    loop, begin = asyncio.get_running_loop(), time.perf_counter()
    callers = [Caller(request, begin + seconds) for _ in range(connections)]
    for caller in callers:
        await loop.create_connection(partial(_same, caller), HOST, port)
    await asyncio.gather(*[caller.ended.wait() for caller in callers])
    took = [1000 * one for caller in callers for one in caller.seconds]
    return {
        "rate": len(took) / (time.perf_counter() - begin),
        "p50": percentile(took, 0.50),
        "p99": percentile(took, 0.99),
        "refused": sum(caller.refused for caller in callers),
    }


def request_of(path: str, api_key: str, body: str) -> bytes:
    """Write the request."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {api_key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n\r\n"
    )
    return (head + body).encode()


if __name__ == "__main__":
    port, path, api_key, body, connections, seconds = sys.argv[1:]
    request = request_of(path, api_key, body)
    print(json.dumps(uvloop.run(press(int(port), request, int(connections), float(seconds)))))

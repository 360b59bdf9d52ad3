"""An HTTP server that answers after a second, or 50 ms: `python -m benchmarks.upstream PORT`."""

import asyncio
import sys
from typing import cast

import uvloop

SECONDS, QUICK_SECONDS = 1.0, 0.05
REPLY = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}'


class Slow(asyncio.Protocol):
    """One connection; requests without a body."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own class has another base

    def data_received(self, data: bytes) -> None:
        """Answer each request a second after its last header, below /quick after 50 ms."""
        seconds = QUICK_SECONDS if data.startswith(b"GET /quick") else SECONDS
        for _ in range(data.count(b"\r\n\r\n")):
            asyncio.get_running_loop().call_later(seconds, self._answer)

    def _answer(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(REPLY)


async def serve(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Slow, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))

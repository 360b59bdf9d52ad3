"""A loop in a thread, and TCP proxies in it that delay, cut, freeze, refuse or swallow what passes them."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]
Found = TypeVar("Found")
CHUNK = 65_536


class Network:
    """An event loop of its own; proxies and servers of a test live in it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="network", daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, Found]) -> Found:
        """Do something in the loop, from any other thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def before(self, connect: Connect) -> "Proxy":
        """Open a proxy before a server."""
        proxy = Proxy(self, connect)
        self.do(proxy.listen())
        return proxy

    def close(self) -> None:
        """End everything that runs in the loop, and the loop."""
        self.do(self._end_tasks())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    async def _end_tasks(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # what they aborted is closed in the turn after


class Link:
    """One connection through a proxy."""

    def __init__(self, near: socket.socket) -> None:
        self.near = near
        self.writers: list[asyncio.StreamWriter] = []
        self.swallows_answers = False
        self.trapped = 0

    def cut(self) -> None:
        """End both sides; what is only just being opened ends as soon as it is open."""
        for writer in self.writers:
            writer.transport.abort()
        if not self.writers:
            with suppress(OSError):
                self.near.shutdown(socket.SHUT_RDWR)


class Proxy:
    """Stands before one server on a port of its own; its methods may be called from any thread."""

    def __init__(self, network: Network, connect: Connect) -> None:
        # Bound and never listening, it keeps the port from others while nobody listens there.
        self._kept = _bound(0)
        self.port = int(self._kept.getsockname()[1])
        self.caught = threading.Event()
        self._network = network
        self._connect = connect
        self._listener: socket.socket | None = None
        self._links: set[Link] = set()
        self._gate = asyncio.Event()
        self._gate.set()
        self._delay = 0.0
        self._swallows = False
        self._trap: tuple[bytes, ...] = ()
        self._trap_freezes = False

    # -- what a test asks for --

    def delay(self, seconds: float) -> None:
        """Hold each piece of data for some seconds, in both directions."""
        self._delay = seconds

    def cut(self) -> None:
        """Reset all connections; new ones are let through."""
        self._network.do(self._cut())

    def freeze(self) -> None:
        """Let nothing pass, but keep all connections; new ones are accepted and hang."""
        self._network.do(self._set_gate(False))

    def refuse(self) -> None:
        """Reset all connections, and refuse new ones."""
        self._network.do(self._refuse())

    def swallow(self) -> None:
        """Let requests pass and lose every answer: the server acts, and nobody hears of it."""
        self._swallows = True

    def trap(self, *words: bytes) -> None:
        """Lose all answers on the first connection to say these, in order; `caught` tells when it did."""
        self.caught.clear()
        self._network.do(self._set_trap(words))

    def freeze_after(self, *words: bytes) -> None:
        """Let nothing pass any more once a connection has said these, in order; `caught` tells when."""
        self.caught.clear()
        self._network.do(self._set_trap(words, freezes=True))

    def heal(self) -> None:
        """Be an honest proxy again; a connection that lost answers is reset, since they never come."""
        self._delay = 0.0
        self._network.do(self._heal())

    def close(self) -> None:
        """Reset all connections and listen no more."""
        self._network.do(self._refuse())
        self._kept.close()

    # -- in the loop --

    async def listen(self) -> None:
        """Listen on the port of the proxy.

        Not by a server of asyncio: one that is closed while it accepts loses the connection unclosed.
        """
        if self._listener is None:
            self._listener = _bound(self.port)
            self._listener.setblocking(False)
            self._listener.listen(512)
            self._network.loop.add_reader(self._listener, self._accept, self._listener)

    async def _cut(self) -> None:
        for link in list(self._links):
            link.cut()

    async def _set_gate(self, is_open: bool) -> None:
        (self._gate.set if is_open else self._gate.clear)()

    async def _set_trap(self, words: tuple[bytes, ...], *, freezes: bool = False) -> None:
        self._trap, self._trap_freezes = words, freezes
        for link in self._links:
            link.trapped = 0

    async def _refuse(self) -> None:
        if self._listener is not None:
            self._network.loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        await self._cut()

    async def _heal(self) -> None:
        for link in list(self._links):
            if self._swallows or link.swallows_answers:
                link.cut()
        self._swallows, self._trap = False, ()
        self._gate.set()
        await self.listen()

    def _accept(self, listener: socket.socket) -> None:
        """Serve a connection; it is closed at the end even of a task that was cancelled before it began."""
        with suppress(OSError):  # whoever came is gone again
            link = Link(listener.accept()[0])
            self._links.add(link)
            serving = self._network.loop.create_task(self._serve(link))
            serving.add_done_callback(lambda _: self._forget(link))

    def _forget(self, link: Link) -> None:
        self._links.discard(link)
        link.cut()
        if not link.writers:
            link.near.close()

    async def _serve(self, link: Link) -> None:
        with suppress(OSError, asyncio.CancelledError):  # a connection's end, or the loop's
            reader, writer = await asyncio.open_connection(sock=link.near)
            link.writers.append(writer)
            await self._gate.wait()
            far_reader, far_writer = await self._connect()
            link.writers.append(far_writer)
            pumps = (self._requests(reader, far_writer, link), self._answers(far_reader, writer, link))
            await _first_to_end(*pumps)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link) -> None:
        while data := await reader.read(CHUNK):
            await self._pass()
            self._look(data, link)
            writer.write(data)
            await writer.drain()

    def _look(self, data: bytes, link: Link) -> None:
        """Note what a connection says of that for which the trap waits."""
        while link.trapped < len(self._trap) and self._trap[link.trapped] in data:
            link.trapped += 1
            if link.trapped == len(self._trap):
                self._trap = ()
                if self._trap_freezes:
                    self._gate.clear()
                else:
                    link.swallows_answers = True
                self.caught.set()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link) -> None:
        while data := await reader.read(CHUNK):
            await self._pass()
            if not (self._swallows or link.swallows_answers):
                writer.write(data)
                await writer.drain()

    async def _pass(self) -> None:
        if self._delay:
            await asyncio.sleep(self._delay)
        await self._gate.wait()


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


async def _first_to_end(*work: Coroutine[Any, Any, None]) -> None:
    """Run several coroutines until one of them ends or fails; a connection that breaks is an end too."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

"""A loop in a thread, and TCP proxies in it that delay, cut, freeze, refuse or swallow what passes them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
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


class Link:
    """One connection through a proxy."""

    def __init__(self, near: asyncio.StreamWriter) -> None:
        self.writers = [near]
        self.swallows_answers = False
        self.trapped = 0

    def cut(self) -> None:
        """Reset both sides."""
        for writer in self.writers:
            writer.transport.abort()


class Proxy:
    """Stands before one server on a port of its own; its methods may be called from any thread."""

    def __init__(self, network: Network, connect: Connect) -> None:
        self.port = 0
        self.caught = threading.Event()
        self._network = network
        self._connect = connect
        self._server: asyncio.Server | None = None
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

    # -- in the loop --

    async def listen(self) -> None:
        """Listen, at first on any port, later on the same."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=512)
            self.port = self._server.sockets[0].getsockname()[1]

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
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._cut()

    async def _heal(self) -> None:
        for link in list(self._links):
            if self._swallows or link.swallows_answers:
                link.cut()
        self._swallows, self._trap = False, ()
        self._gate.set()
        await self.listen()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(writer)
        self._links.add(link)
        try:
            await self._gate.wait()
            far_reader, far_writer = await self._connect()
            link.writers.append(far_writer)
            pumps = (self._requests(reader, far_writer, link), self._answers(far_reader, writer, link))
            await _first_to_end(*pumps)
        except (OSError, asyncio.CancelledError):
            pass  # a connection's end, or the loop's
        finally:
            self._links.discard(link)
            link.cut()

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


async def _first_to_end(*work: Coroutine[Any, Any, None]) -> None:
    """Run several coroutines until one of them ends or fails; a connection that breaks is an end too."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

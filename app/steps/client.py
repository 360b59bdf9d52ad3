"""The HTTP client of a worker process: one session whose sockets open only to permitted addresses."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import (
    ClientConnectorError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from app.steps.addresses import AllowList, is_public, parse_address

CONNECT_SECONDS = 5.0
# Below the 5 s after which common servers hang up, so that a request seldom meets a connection just closed.
KEEPALIVE_SECONDS = 4.0
DNS_SECONDS = 5
DNS_NAMES = 256
MAX_HEADER_BYTES = 32 * 1024

# Enough that lookups which hang for one workspace do not stop those of the others.
DNS_THREADS = 64

AddrInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]


class AddressRefused(Exception):
    """The host has no address but ones that must not be reached; the message names one of them."""


@dataclass(slots=True)
class Visit:
    """The host that a request goes to, and what became of its addresses."""

    host: str
    port: int
    refused: str | None = None
    tried: bool = False


_visit: ContextVar[Visit] = ContextVar("visit")


class Resolver(AbstractResolver):
    """Looks names up in threads of its own, so that a name server that hangs holds nothing else up."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(DNS_THREADS, thread_name_prefix="dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Give all addresses of a name; they are judged when a socket for them is made."""
        look_up = partial(
            socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        return [
            ResolveResult(
                hostname=host, host=str(address[0]), port=port, family=kind, proto=protocol, flags=0
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Look nothing up any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class HttpClient:
    """Sends requests for `http` steps; belongs to the event loop in which it is first used."""

    def __init__(self, allow: AllowList) -> None:
        self._allow = allow
        self._session: ClientSession | None = None
        self._resolver = Resolver()

    @asynccontextmanager
    async def send(
        self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None
    ) -> AsyncIterator[ClientResponse]:
        """Send one request, following no redirect; the reply's connection is let go at the end of the block.

        Raises AddressRefused, and what aiohttp raises for network errors and timeouts.
        """
        visit = Visit(url.raw_host or "", url.port or 0)
        token = _visit.set(visit)
        try:
            reply = await self._opened().request(
                method,
                url,
                headers=headers,
                skip_auto_headers=("Content-Type",),
                data=body,
                allow_redirects=False,
            )
        except ClientConnectorError as problem:
            if visit.refused is not None and not visit.tried:
                raise AddressRefused(visit.refused) from problem
            raise
        finally:
            _visit.reset(token)
        async with reply:
            yield reply

    async def close(self) -> None:
        """Close all connections for good."""
        if self._session is not None:
            await self._session.close()
        await self._resolver.close()

    def _opened(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(
                    resolver=self._resolver,
                    limit=0,
                    keepalive_timeout=KEEPALIVE_SECONDS,
                    ttl_dns_cache=DNS_SECONDS,
                    dns_cache_max_size=DNS_NAMES,
                    socket_factory=self._socket,
                ),
                cookie_jar=DummyCookieJar(),
                timeout=ClientTimeout(total=None, connect=CONNECT_SECONDS),
                trust_env=False,
                max_line_size=MAX_HEADER_BYTES,
                max_field_size=MAX_HEADER_BYTES,
            )
        return self._session

    def _socket(self, info: AddrInfo) -> socket.socket:
        """Make the socket for one address, or refuse.

        This sees the very address that is connected to next, whether it came from DNS or was written in the
        URL, so no spelling and no second answer of a name server gets past it.
        """
        family, kind, protocol, _, (host, port, *_) = info
        visit = _visit.get()
        if not self._may_reach(visit, host, port):
            visit.refused = host
            raise OSError(f"the address {host} is refused")
        visit.tried = True
        return socket.socket(family, kind, protocol)

    def _may_reach(self, visit: Visit, host: str, port: int) -> bool:
        try:
            address = parse_address(host)
        except ValueError:
            return False
        return (
            is_public(address)
            or self._allow.holds(address, port)
            or self._allow.names(visit.host, visit.port)
        )

"""A real HTTP server on loopback, and one `http` step sent to it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from app.steps.addresses import AllowList
from app.steps.base import Call, Outcome
from app.steps.client import HttpClient
from app.steps.http import http
from app.steps.http_schema import HttpStep

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

KEY = "0190-execution:fetch"


async def echo(request: web.Request) -> web.Response:
    """Answer with what has come in."""
    body = await request.read()
    return web.json_response(
        {
            "method": request.method,
            "path": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": body.decode(),
        }
    )


def answering(body: bytes | str = b"", status: int = 200, **headers: str) -> Handler:
    """Make a handler that always gives this answer; `Content_Type="x"` is the header Content-Type."""

    async def handler(_: web.Request) -> web.Response:
        raw = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=raw, status=status, headers=named)

    return handler


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Run a server for all paths; give its origin."""
    app = web.Application(client_max_size=2**30)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client(allow: str = "127.0.0.1") -> AsyncIterator[HttpClient]:
    """Open a client that may reach `allow`."""
    opened = HttpClient(AllowList.parse(allow))
    try:
        yield opened
    finally:
        await opened.close()


async def call(sender: HttpClient, secrets: dict[str, str] | None = None, **args: Any) -> Outcome:
    """Load the step's `with` and run the step."""
    return await http(Call(HttpStep().load(args), KEY, sender, lambda _level, _message: None, secrets or {}))


def send(
    handler: Handler,
    path: str = "/",
    *,
    allow: str = "127.0.0.1",
    secrets: dict[str, str] | None = None,
    **args: Any,
) -> Outcome:
    """Send one step to `path` of a server with this handler."""

    async def exchange() -> Outcome:
        async with serving(handler) as origin, client(allow) as sender:
            return await call(sender, secrets, url=origin + path, **args)

    return asyncio.run(exchange())


def fetch(
    url: Any, *, allow: str = "127.0.0.1", secrets: dict[str, str] | None = None, **args: Any
) -> Outcome:
    """Send one step to a URL at which nothing of the test's own listens."""

    async def exchange() -> Outcome:
        async with client(allow) as sender:
            return await call(sender, secrets, url=url, **args)

    return asyncio.run(exchange())


def send_raw(reply: bytes) -> Outcome:
    """Send one step to a server that answers with these very bytes and hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        writer.close()

    async def exchange() -> Outcome:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, client() as sender:
            return await call(sender, url=f"http://127.0.0.1:{port}/")

    return asyncio.run(exchange())

"""How much of a reply the `http` step holds, and how a call ends that is cancelled."""

import asyncio
import gzip
import resource
import time
import zlib

import pytest
from aiohttp import web

from app.steps.base import Done, Failed, Outcome
from tests.unit.http_server import Handler, answering, call, client, echo, send, serving

MIB = 2**20


def flood(sent: list[int], **headers: str) -> Handler:
    """Make a handler that writes up to 1 GiB, counting in `sent`."""

    async def handler(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse(headers={name.replace("_", "-"): text for name, text in headers.items()})
        await reply.prepare(request)
        for _ in range(1024):
            await reply.write(b"x" * MIB)
            sent[0] += MIB
        return reply

    return handler


@pytest.mark.parametrize("headers", [{}, {"Content_Length": str(1024 * MIB)}])
def test_a_body_of_1_gib_is_given_up_at_the_limit(headers: dict[str, str]) -> None:
    sent = [0]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    outcome = send(flood(sent, **headers))

    assert isinstance(outcome, Failed)
    assert "maxResponseBytes, 5,242,880 bytes" in outcome.error
    assert sent[0] < 64 * MIB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def bomb(encoding: str) -> bytes:
    """Compress 256 MiB of zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31 if encoding == "gzip" else 15)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(256)) + packer.flush()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_decompression_bomb_is_given_up_at_the_limit(encoding: str) -> None:
    handler = answering(bomb(encoding), Content_Encoding=encoding, Content_Type="text/plain")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    outcome = send(handler)

    assert isinstance(outcome, Failed)
    assert "maxResponseBytes" in outcome.error
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_the_limit_counts_decompressed_bytes_and_is_exact() -> None:
    handler = answering(gzip.compress(b"x" * 1000), Content_Encoding="gzip", Content_Type="text/plain")

    fits, exceeds = send(handler, maxResponseBytes=1000), send(handler, maxResponseBytes=999)

    assert isinstance(fits, Done)
    assert fits.output["body"] == "x" * 1000
    assert isinstance(exceeds, Failed)


def test_a_cancelled_call_hangs_up_at_once_and_the_client_goes_on() -> None:
    async def exchange() -> tuple[float, Outcome]:
        begun, hung_up = asyncio.Event(), asyncio.Event()

        async def stall(request: web.Request) -> web.StreamResponse:
            if request.path == "/quick":
                return await echo(request)
            reply = web.StreamResponse()
            await reply.prepare(request)
            begun.set()
            try:
                while True:
                    await reply.write(b"x")
                    await asyncio.sleep(0.01)
            finally:
                hung_up.set()

        async with serving(stall) as origin, client() as sender:
            calling = asyncio.create_task(call(sender, url=origin))
            await asyncio.wait_for(begun.wait(), 60)
            calling.cancel()
            cancelled = time.monotonic()
            await asyncio.wait_for(hung_up.wait(), 60)
            return time.monotonic() - cancelled, await call(sender, url=origin + "/quick")

    seconds, after = asyncio.run(exchange())

    assert seconds < 10
    assert isinstance(after, Done)


def test_a_hundred_calls_to_one_host_do_not_queue() -> None:
    async def exchange() -> list[Outcome]:
        all_there = asyncio.Barrier(100)

        async def together(_: web.Request) -> web.StreamResponse:
            await all_there.wait()
            return web.Response()

        async with serving(together) as origin, client() as sender, asyncio.timeout(60):
            return await asyncio.gather(*(call(sender, url=origin) for _ in range(100)))

    outcomes = asyncio.run(exchange())

    assert all(isinstance(outcome, Done) for outcome in outcomes)

"""Clients that stop in the middle of a body: they are given up, and nobody else notices."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import pytest

from app.settings import Settings
from tests import procfile
from tests.api.caller import Caller
from tests.api.sender import Hook, new_hook
from tests.journeys.processes import eventually
from tests.procfile import HOST
from tests.web.streaming import PATIENCE_SECONDS, Web, serving

STALLED = 12
ROOM = {"WEB_THREADS": "4", "STREAM_LIMIT": "3"}
CLOSE = "Connection: close\r\n"
PIECES = 14  # of a body that is sent slowly, one each second


@pytest.fixture(scope="module")
def web(settings: Settings) -> Iterator[Web]:
    """Run a web process that has fewer threads than clients will stop."""
    with serving(settings, **ROOM) as started:
        yield started


@pytest.fixture
def hook(api: Caller, workflow: dict[str, Any]) -> Hook:
    return new_hook(api, workflow)


def begin(web: Web, path: str, length: str = "Content-Length: 100", more: str = "") -> socket.socket:
    """Send a request with the first byte of its body."""
    client = socket.create_connection((HOST, web.port), PATIENCE_SECONDS)
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n{length}\r\n{more}\r\n"
    client.sendall(head.encode() + (b"1\r\n{\r\n" if "chunked" in length else b"{"))
    return client


def status(client: socket.socket) -> int:
    """Read the answer to its end; give its status."""
    answer = b""
    while piece := client.recv(65_536):
        answer += piece
    return int(answer.split(b" ", 2)[1])


def send_slowly(client: socket.socket) -> int:
    """Send the rest of a body, a byte each second; give the status of the answer."""
    with closing(client):
        for _ in range(PIECES - 2):
            time.sleep(1)
            client.sendall(b" ")
        client.sendall(b"}")
        return status(client)


def test_bodies_that_stop_hold_no_thread_for_long_and_nobody_else_is_hurt(
    web: Web, api: Caller, hook: Hook
) -> None:
    path = f"/webhooks/{hook.made['id']}"
    stream = web.listen(f"{api.space}/executions/stream", api.key)
    with ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(send_slowly, begin(web, path, f"Content-Length: {PIECES}", CLOSE))
        time.sleep(2)  # so that it has its place, and the others do not come together with the stream
        kinds = ["Content-Length: 100", "Transfer-Encoding: chunked"]
        stopped = [stack.enter_context(begin(web, path, kinds[n % 2])) for n in range(STALLED)]

        lives = eventually(lambda: procfile.answers(web.port), PATIENCE_SECONDS)
        given_up = [status(client) for client in stopped]

        assert lives
        assert set(given_up) <= {408, 503}
        assert 408 in given_up
        assert slow.result() == 202
        assert not stream.ended
    assert hook.send().status_code == 202
    assert len(hook.executions()) == 2


@pytest.mark.parametrize("path", ["/webhooks/{unknown}", "/webhooks/{signed}", "{space}/executions", "/none"])
def test_who_cannot_be_let_in_is_refused_before_the_body_comes(
    web: Web, api: Caller, workflow: dict[str, Any], path: str
) -> None:
    signed = new_hook(api, workflow, "github").made["id"]
    address = path.format(unknown=workflow["id"], signed=signed, space=api.space)

    with closing(begin(web, address)) as client:
        answer = status(client)

    assert answer == (404 if path == "/none" else 401)


def test_a_body_that_is_cut_off_starts_nothing(web: Web, hook: Hook) -> None:
    path = f"/webhooks/{hook.made['id']}"
    with closing(begin(web, path, "Content-Length: 3")) as client:
        client.sendall(b"}")
        client.shutdown(socket.SHUT_WR)

        answer = status(client)

    assert (answer, hook.executions()) == (400, [])

"""A client that opens a stream and never reads: it holds its place for a while, not for ever."""

import socket
import sys
from contextlib import ExitStack, closing

import pytest
from flask import Flask

from app.settings import Settings
from app.stream.stuck import STUCK_SECONDS, bound_writes
from tests.api.caller import Caller
from tests.api.execution_rows import add_execution, add_step
from tests.journeys.processes import eventually
from tests.journeys.traveller import value
from tests.procfile import HOST
from tests.web.streaming import PATIENCE_SECONDS, Web, serving

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="TCP_USER_TIMEOUT is an option of Linux"),
]
STEPS = 160
LETTERS = 60_000  # of each output: together more than the kernel takes before anybody reads
SMALLEST_ROOM = 4096
OPENED = b"HTTP/1.1 200"


def under_way(app: Flask, caller: Caller) -> str:
    """Make an execution whose steps have much to tell; give the path of its stream."""
    definition = {"steps": [value(f"step{n}", n) for n in range(STEPS)]}
    made = caller.post(f"{caller.space}/workflows", {"name": "Much", "definition": definition}).get_json()
    execution_id = add_execution(app, made, "running", steps_total=STEPS)
    for n in range(STEPS):
        add_step(app, made, execution_id, step_id=f"step{n}", position=n, output=LETTERS * "x")
    return f"{caller.space}/executions/{execution_id}/stream"


def open_and_never_read(web: Web, path: str, key: str) -> socket.socket:
    """Send a request as a client that has next to no room for the answer, until that has begun."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALLEST_ROOM)
    client.connect((HOST, web.port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
    client.settimeout(PATIENCE_SECONDS)
    assert client.recv(len(OPENED), socket.MSG_PEEK) == OPENED
    return client


def is_taken(web: Web, path: str, key: str) -> bool:
    """Tell whether there is no place for another stream."""
    with closing(web.ask(path, key)) as answer:
        status = answer.response.status
        answer.hang_up()
    assert status in (200, 503)
    return status == 503


def test_a_client_that_never_reads_loses_its_place(app: Flask, settings: Settings, caller: Caller) -> None:
    much, little = under_way(app, caller), f"{caller.space}/executions/stream"
    with serving(settings, STREAM_LIMIT="1") as web, closing(open_and_never_read(web, much, caller.key)):
        held = is_taken(web, little, caller.key)

        given_back = eventually(lambda: not is_taken(web, little, caller.key), 10 * STUCK_SECONDS, 0.5)

        assert held
        assert given_back


def test_what_listens_and_what_it_accepts_is_bounded_and_nothing_else() -> None:
    with ExitStack() as stack:
        door = stack.enter_context(socket.create_server((HOST, 0)))
        calling = stack.enter_context(socket.create_connection(door.getsockname()))
        before = stack.enter_context(door.accept()[0])

        bounded = bound_writes(7)

        stack.enter_context(socket.create_connection(door.getsockname()))
        after = stack.enter_context(door.accept()[0])
        waits = [
            found.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            for found in (door, before, after, calling)
        ]
        bound_writes(0)
        assert bounded >= 2
        assert waits == [7000, 7000, 7000, 0]

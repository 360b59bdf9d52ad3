"""Redis away: answers do not wait for it, and nothing that was accepted is lost."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from flask import Flask

from app import create_app
from app.clock import new_id, now
from app.embedded import start_valkey
from app.extensions import db
from app.queue import QUEUE_KEY, SENDER_LIMIT, Sender, Ticket
from app.services.tick import tick
from app.settings import Settings
from tests.api.caller import new_caller
from tests.journeys import processes
from tests.journeys.processes import eventually
from tests.journeys.traveller import Traveller, call, value
from tests.journeys.upstream import serving
from tests.servers import patient

SOON = 5  # Who waits for a Redis that hangs waits for half a minute here.


class Valkey:
    """A server of one test, to be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = start_valkey(folder)
        self.url = patient(self._server.url)

    def start(self) -> None:
        """Start it again on its data."""
        self._server = start_valkey(self._folder)

    def stop(self) -> None:
        """Stop it; a second time does nothing."""
        self._server.stop()

    def freeze(self) -> None:
        """Let it answer nothing, its socket still open."""
        self._server.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._server.process.send_signal(signal.SIGCONT)

    def queued(self) -> int:
        """Count the jobs in the queue."""
        with redis.Redis.from_url(self.url) as client:
            found: int = client.llen(QUEUE_KEY)  # type: ignore[assignment]
            return found


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """Run a Valkey of the test's own."""
    server = Valkey(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def own_settings(settings: Settings, valkey: Valkey) -> Settings:
    """Give settings with that Valkey."""
    return replace(settings, redis_url=valkey.url)


@pytest.fixture
def own_app(own_settings: Settings) -> Iterator[Flask]:
    """Give an application on that Valkey."""
    made = create_app(own_settings)
    yield made
    made.extensions["sender"].close()
    with made.app_context():
        db.engine.dispose()


@pytest.fixture
def traveller(own_app: Flask) -> Traveller:
    """Give a caller of that application."""
    return Traveller(new_caller(own_app, own_app.test_client(), "Acme"))


@contextmanager
def quick() -> Iterator[None]:
    """See that a block takes no time to speak of."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < SOON


def tickets(count: int) -> list[Ticket]:
    """Make tickets of nobody."""
    return [Ticket(new_id(), new_id(), 1, now()) for _ in range(count)]


def test_triggers_answer_at_once_while_redis_is_away(traveller: Traveller, valkey: Valkey) -> None:
    workflow_id = traveller.workflow(value("a", 1))
    valkey.stop()

    for _ in range(20):
        with quick():
            execution_id = traveller.trigger(workflow_id)
    with quick():
        traveller.trigger_many(workflow_id, [None] * 500)

    assert traveller.see(execution_id)["status"] == "pending"


def test_cancel_answers_at_once_while_redis_is_away(
    traveller: Traveller, valkey: Valkey, own_settings: Settings
) -> None:
    with serving() as upstream, processes.worker(own_settings):
        running = traveller.trigger(traveller.workflow(call("slow", f"{upstream.url}/slow?wait=60")))
        traveller.until(running, "slow", "running")
        pending = traveller.trigger(traveller.workflow(value("a", 1)), runAt="2100-01-01T00:00:00Z")
        valkey.stop()

        with quick():
            first = traveller.cancel(pending)[0]
        with quick():
            second = traveller.cancel(running)[0]

        assert (first, second) == (200, 202)
        assert traveller.finished(running)["status"] == "cancelled"


def test_a_redis_that_hangs_holds_nobody(traveller: Traveller, valkey: Valkey) -> None:
    workflow_id = traveller.workflow(value("a", 1))
    traveller.trigger(workflow_id)
    assert eventually(lambda: valkey.queued() == 1)
    valkey.freeze()
    try:
        for _ in range(10):
            with quick():
                execution_id = traveller.trigger(workflow_id)
        with quick():
            code, _ = traveller.cancel(execution_id)
    finally:
        valkey.thaw()

    assert code == 200


def test_what_was_accepted_without_redis_runs_when_it_is_back(
    traveller: Traveller, valkey: Valkey, own_app: Flask, own_settings: Settings
) -> None:
    workflow_id = traveller.workflow(value("a", 1))
    with processes.worker(own_settings) as worker:
        before = traveller.finished(traveller.trigger(workflow_id))
        valkey.stop()
        without = [traveller.trigger(workflow_id) for _ in range(5)]

        valkey.start()
        after = traveller.trigger(workflow_id)

        def all_done() -> bool:
            with own_app.app_context():
                tick()
            return {traveller.see(i)["status"] for i in [*without, after]} == {"completed"}

        assert before["status"] == "completed"
        assert eventually(all_done, pause=0.5)
        assert worker.poll() is None


def test_a_sender_goes_on_after_a_break(valkey: Valkey) -> None:
    sender = Sender(valkey.url)
    valkey.stop()
    with quick():
        sender.send(tickets(3))
    assert eventually(lambda: not sender._tickets)  # dropped: Redis is left alone for a second
    valkey.start()

    sender.send(tickets(2))

    assert eventually(lambda: valkey.queued() == 2), valkey.queued()
    sender.close()


def test_a_sender_sends_what_is_left_when_it_closes(valkey: Valkey) -> None:
    sender = Sender(valkey.url)
    sender.send(tickets(1_700))

    sender.close(60)

    assert valkey.queued() == 1_700


def test_what_waits_for_redis_is_bounded_and_costs_no_time(valkey: Valkey) -> None:
    valkey.stop()
    sender, batch = Sender(valkey.url), tickets(1_000)

    with quick():
        for _ in range(SENDER_LIMIT // 1_000 * 3):
            sender.send(batch)

    assert len(sender._tickets) <= SENDER_LIMIT
    sender.close(60)


def test_a_sender_that_was_never_used_closes(valkey: Valkey) -> None:
    with quick():
        Sender(valkey.url).close()

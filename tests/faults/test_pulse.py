"""Nobody waits for a server that answers nobody, and everybody for a living one that has much to do."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import psycopg2
import pytest
from psycopg2 import OperationalError
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, ISOLATION_LEVEL_READ_COMMITTED

from app import pulse
from app.pulse import Line
from tests.faults.network import Network, Proxy

pytestmark = pytest.mark.faults

SOON = 10  # Two seconds, and the rest for a busy machine.


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    """Stand before the database."""
    asked = parse_qs(urlsplit(database_url).query)
    network = Network()
    path = f"{asked['host'][0]}/.s.PGSQL.{asked['port'][0]}"
    opened = network.before(lambda: asyncio.open_unix_connection(path))
    try:
        yield opened
    finally:
        opened.close()
        network.close()


@pytest.fixture
def line(proxy: Proxy, database_url: str) -> Iterator[Line]:
    """Give a line through the proxy."""
    opened = connect(proxy, database_url)
    yield opened
    opened.close()


def connect(proxy: Proxy, url: str) -> Line:
    """Open a line through a proxy."""
    name = urlsplit(url).path.lstrip("/")
    server = f"linea@127.0.0.1:{proxy.port}/{name}?sslmode=disable&gssencmode=disable"
    found: Line = psycopg2.connect(f"postgresql://{server}", connection_factory=Line, connect_timeout=2)
    return found


def ask(line: Line, statement: str) -> object:
    """Run a statement; give the first value that it gives."""
    with line.cursor() as cursor:
        cursor.execute(statement)
        [(found,)] = cursor.fetchall()
    return found


QUESTIONS: dict[str, tuple[Callable[[Line], object], int]] = {
    "a statement": (lambda line: ask(line, "SELECT 1"), ISOLATION_LEVEL_READ_COMMITTED),
    "a commit": (Line.commit, ISOLATION_LEVEL_READ_COMMITTED),
    "a rollback": (Line.rollback, ISOLATION_LEVEL_READ_COMMITTED),
    "an end of autocommit": (
        lambda line: line.set_isolation_level(ISOLATION_LEVEL_READ_COMMITTED),
        ISOLATION_LEVEL_AUTOCOMMIT,
    ),
}


@pytest.mark.parametrize(("question", "level"), QUESTIONS.values(), ids=QUESTIONS)
def test_who_waits_for_a_server_that_hangs_hears_of_it_soon(
    proxy: Proxy, line: Line, question: Callable[[Line], object], level: int
) -> None:
    line.set_isolation_level(ISOLATION_LEVEL_READ_COMMITTED)
    line.set_isolation_level(level)
    ask(line, "SELECT 1")
    proxy.freeze()

    begun = time.monotonic()
    with pytest.raises(OperationalError):
        question(line)

    assert time.monotonic() - begun < SOON
    assert line.closed


def test_the_next_do_not_all_find_out_by_waiting(proxy: Proxy, line: Line, database_url: str) -> None:
    proxy.freeze()
    with pytest.raises(OperationalError):
        ask(line, "SELECT 1")

    with pytest.raises(OperationalError, match="answers nobody"):
        connect(proxy, database_url)

    proxy.heal()
    time.sleep(pulse.AWAY_SECONDS)
    again = connect(proxy, database_url)
    assert ask(again, "SELECT 1") == 1
    again.close()


def test_a_long_statement_of_a_living_server_is_waited_for(line: Line) -> None:
    assert ask(line, "SELECT 1 FROM pg_sleep(2.5)") == 1


def test_a_connection_that_is_lost_alone_is_not_waited_for_without_end(
    proxy: Proxy, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "LONGEST_SECONDS", 1.5)
    proxy.trap(b"SELECT 1")

    begun = time.monotonic()
    with pytest.raises(OperationalError):
        ask(line, "SELECT 1")

    assert 1.5 <= time.monotonic() - begun < SOON


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_leaves_its_parents_connections_alone(proxy: Proxy, line: Line) -> None:
    ask(line, "SELECT 1")

    with line.wait:
        child = os.fork()
        if child == 0:
            os._exit(len(pulse.WATCH.waits))
        _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert ask(line, "SELECT 1") == 1

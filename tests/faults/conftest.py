"""A traveller, a place to look at his rows, and a server to call; every process is the test's own."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.settings import Settings
from tests.api.caller import new_caller
from tests.faults.stand import Stand, standing
from tests.journeys.traveller import Traveller
from tests.journeys.upstream import Record, serving
from tests.store.place import Place, placed


@pytest.fixture
def traveller(app: Flask, client: FlaskClient) -> Traveller:
    """Give the admin of a workspace."""
    return Traveller(new_caller(app, client, "Acme"))


@pytest.fixture
def place(app: Flask, settings: Settings) -> Iterator[Place]:
    """Give a look at the rows."""
    with placed(app, settings) as found:
        yield found


@pytest.fixture
def upstream() -> Iterator[Record]:
    """Run a server for http steps."""
    with serving() as record:
        yield record


@pytest.fixture(scope="session")
def installation() -> Iterator[Stand]:
    """Start servers for the tests that take them away or stand proxies before them."""
    with standing() as found:
        yield found


@pytest.fixture
def stand(installation: Stand) -> Iterator[Stand]:
    """Give a stand without members and rows; whatever a test does to it is over with the test."""
    yield installation
    installation.clear()

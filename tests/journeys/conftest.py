"""A traveller, a server to call, and a worker process that the journeys of a module share."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.settings import Settings
from tests.api.caller import new_caller
from tests.journeys import processes
from tests.journeys.traveller import Traveller
from tests.journeys.upstream import Record, serving


@pytest.fixture
def traveller(app: Flask, client: FlaskClient) -> Traveller:
    """Give the admin of a workspace, with shorter words."""
    return Traveller(new_caller(app, client, "Acme"))


@pytest.fixture(scope="module")
def worker(settings: Settings) -> Iterator[processes.Process]:
    """Run one worker for all journeys of a module that leave it alive."""
    with processes.worker(settings) as process:
        yield process


@pytest.fixture
def upstream() -> Iterator[Record]:
    """Run a server for http steps."""
    with serving() as record:
        yield record

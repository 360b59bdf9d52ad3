"""A traveller, a server to call, and a worker process that the journeys of a module share."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.settings import Settings
from tests.api.caller import new_caller
from tests.journeys import processes
from tests.journeys.launched import Launched
from tests.journeys.traveller import Traveller
from tests.journeys.upstream import Record, serving
from tests.procfile import free_port


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


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="linea-launch-") as folder:
        yield Path(folder) / "data"


@pytest.fixture
def launch(data_dir: Path) -> Iterator[Callable[..., Launched]]:
    """Launch on `data_dir`; what still runs after the test is stopped."""
    launched: list[Launched] = []

    def launch_one(port: int | None = None, **env: str) -> Launched:
        launched.append(Launched(data_dir, port or free_port(), **env))
        return launched[-1]

    yield launch_one
    for one in launched:
        one.stop()

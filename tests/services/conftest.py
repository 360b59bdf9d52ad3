"""A place for executions."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app.settings import Settings
from tests.services.clockwork import Clockwork
from tests.store.place import Place, placed


@pytest.fixture
def place(app: Flask, settings: Settings) -> Iterator[Place]:
    """Give a workspace with a workflow of one step."""
    with placed(app, settings) as found:
        yield found


@pytest.fixture
def clockwork(app: Flask, place: Place) -> Clockwork:
    """Give schedules of a workflow of one step."""
    return Clockwork(app, place)

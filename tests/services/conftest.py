"""A place for executions."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from app import create_app
from app.extensions import db
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


@pytest.fixture
def without_redis(settings: Settings) -> Iterator[Flask]:
    """Give an application whose Redis is away."""
    away = create_app(replace(settings, redis_url="redis://127.0.0.1:1"))
    yield away
    with away.app_context():
        db.engine.dispose()

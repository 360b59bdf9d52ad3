"""A place for executions, a look into Redis, and a server to call."""

from collections.abc import Iterator

import pytest
import redis
from flask import Flask

from app.settings import Settings
from tests.journeys.upstream import Record, serving
from tests.store.place import Place, placed


@pytest.fixture
def place(app: Flask, settings: Settings) -> Iterator[Place]:
    """Give a workspace with a workflow of one step."""
    with placed(app, settings) as found:
        yield found


@pytest.fixture
def client(settings: Settings) -> Iterator["redis.Redis"]:
    """Give a client of the Redis under test."""
    with redis.Redis.from_url(settings.redis_url) as opened:
        yield opened


@pytest.fixture
def upstream() -> Iterator[Record]:
    """Run a server for http steps."""
    with serving() as record:
        yield record

"""Fixtures of all tests: the servers, and an application on them."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import hypothesis
import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from psycopg2.extensions import connection

from app import create_app
from app.extensions import db
from app.services.transaction import Absence
from app.settings import Settings, from_environment
from tests import servers as real
from tests.servers import SECRET_KEY, Servers

SETTINGS = (
    *("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS", "PORT", "DATA_DIR", "HTTP_ALLOW_HOSTS"),
    *("LOG_LEVEL", "LOG_FORMAT", "TASK_MODULES", "METRICS_TOKEN", "LEASE_SECONDS", "WORKER_CONCURRENCY"),
)
whole_session = pytest.StashKey[ExitStack]()
used_redis = pytest.StashKey[str]()

# The same examples each time and no clock over them: a test fails for a change, not for a busy machine.
# `--hypothesis-profile=default` looks for new examples.
hypothesis.settings.register_profile(
    "suite", derandomize=True, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers before pytest-xdist starts its workers, which then find them in the environment."""
    for name in SETTINGS:
        os.environ.pop(name, None)
    stack = config.stash[whole_session] = ExitStack()
    is_worker = hasattr(config, "workerinput")
    if not is_worker:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not is_worker and config.getoption("numprocesses", None) and not config.option.collectonly:
        stack.enter_context(real.running()).to_environment()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started for the workers."""
    config.stash[whole_session].close()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the long ones to the front of whatever order the rest has."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Give the session's PostgreSQL and Valkey."""
    shared = Servers.from_environment()
    if shared is not None:
        yield shared
        return
    with real.running() as own:
        yield own


@pytest.fixture(scope="session")
def worker_number() -> int:
    """Give the number of this pytest-xdist worker, 0 without."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


@pytest.fixture(scope="session")
def database_url(servers: Servers, worker_number: int) -> str:
    """Give a migrated database; it is emptied after each test that asked for it."""
    return real.make_database(servers, f"linea_{worker_number}")


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest, servers: Servers, worker_number: int) -> str:
    """Give a Redis database; it is emptied after each test that asked for it."""
    url = request.session.stash[used_redis] = real.numbered(servers.valkey, worker_number)
    return url


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left_of_others(request: pytest.FixtureRequest) -> None:
    """Empty Redis once more: what a module shares, such as a clock, writes until after its last test."""
    used = request.session.stash.get(used_redis, None)
    if used is not None:
        with redis.Redis.from_url(used) as client:
            client.flushdb()


@pytest.fixture(scope="session")
def connection_to_empty(database_url: str) -> Iterator[connection]:
    """Keep one connection for emptying the database after each test."""
    with real.connected_to_empty(database_url) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    used = "database_url" in request.fixturenames
    opened = request.getfixturevalue("connection_to_empty") if used else None
    yield
    if opened is not None:
        real.empty(opened)
    if "redis_url" in request.fixturenames:
        with redis.Redis.from_url(request.getfixturevalue("redis_url")) as client:
            client.flushdb()


@pytest.fixture(scope="session")
def settings(database_url: str, redis_url: str) -> Settings:
    """Give the settings of the application under test."""
    return from_environment(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": SECRET_KEY,
            "LOG_LEVEL": "WARNING",
        }
    )


@pytest.fixture(scope="session")
def app(settings: Settings) -> Iterator[Flask]:
    """Give one application for the session; a test that needs other settings makes its own."""
    app = create_app(settings)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(autouse=True)
def _no_absence_of_others(request: pytest.FixtureRequest) -> None:
    """Forget that a test before took the database away: for seconds after it nobody is taken over."""
    if "app" in request.fixturenames:
        request.getfixturevalue("app").extensions["absence"] = Absence()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Give an HTTP client of the application."""
    return app.test_client()

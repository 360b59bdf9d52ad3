"""The clock's own part: it makes a tick that is late, and puts right what rq-scheduler gets wrong."""

from collections.abc import Iterator
from datetime import datetime

import pytest
import redis
from rq_scheduler import Scheduler

from app import ticker
from app.extensions import db
from app.jobs import application
from app.settings import Settings
from tests.servers import SECRET_KEY
from tests.store.place import Place


@pytest.fixture(autouse=True)
def process(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process be a clock on the database and the Redis under test."""
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("REDIS_URL", settings.redis_url)
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    application.cache_clear()
    yield
    with application().app_context():
        db.engine.dispose()
    application.cache_clear()


def last_tick(place: Place) -> datetime | None:
    """Tell when the last tick was."""
    [row] = place.sql("SELECT last_tick_at FROM installation")
    found: datetime | None = row.last_tick_at
    return found


@pytest.mark.parametrize("at", ["NULL", "now() - interval '1.6 s'", "now() + interval '1 hour'"])
def test_a_tick_that_is_late_is_made_at_once(place: Place, at: str) -> None:
    place.sql(f"UPDATE installation SET last_tick_at = {at}")
    before = last_tick(place)

    wait = ticker.tick_if_late()

    assert wait == 0
    assert last_tick(place) not in (None, before)


def test_while_ticks_come_in_time_none_is_made_before_the_next_could_be_late(place: Place) -> None:
    for _ in range(20):  # A busy machine may be late itself.
        place.sql("UPDATE installation SET last_tick_at = now()")
        before = last_tick(place)
        if wait := ticker.tick_if_late():
            break

    assert 0 < wait <= ticker.LATE_TICK_SECONDS
    assert last_tick(place) == before


def test_a_periodic_job_that_is_missing_is_registered_under_its_id(settings: Settings) -> None:
    with redis.Redis.from_url(settings.redis_url) as client:
        client.delete(Scheduler.scheduled_jobs_key)

        ticker.repair()

        assert client.zrange(Scheduler.scheduled_jobs_key, 0, -1) == [ticker.TICK_ID.encode()]


def test_without_redis_the_clock_goes_on(monkeypatch: pytest.MonkeyPatch, place: Place) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    application.cache_clear()

    ticker.repair()

    assert ticker.tick_if_late() >= 0
    assert last_tick(place) is not None

"""A clock that is killed whole: the ticks go on with the next one."""

import time
from collections.abc import Iterator

import psutil
import pytest
import redis
from rq_scheduler import Scheduler

from app.settings import Settings
from app.ticker import TICK_ID
from tests.faults.clocks import both_parts, ticks_go_on
from tests.journeys import processes
from tests.journeys.processes import eventually
from tests.journeys.traveller import Traveller, value
from tests.living import living
from tests.store.place import Place

pytestmark = pytest.mark.faults


@pytest.fixture
def valkey(settings: Settings) -> Iterator["redis.Redis"]:
    """Give a client of the Redis under test."""
    with redis.Redis.from_url(settings.redis_url) as opened:
        yield opened


def test_nothing_of_a_killed_clock_stays_and_the_next_one_ticks(place: Place, settings: Settings) -> None:
    with processes.clock(settings) as clock:
        parts = [psutil.Process(pid) for pid in both_parts(clock).values()]
        assert ticks_go_on(place, 1)
        clock.kill()
        clock.wait()
        assert eventually(lambda: not living(parts))

        with processes.clock(settings):
            assert ticks_go_on(place)


def test_a_second_clock_ticks_on_when_the_first_is_killed(place: Place, settings: Settings) -> None:
    with processes.clock(settings) as first, processes.clock(settings) as second:
        both_parts(first)
        both_parts(second)
        assert ticks_go_on(place, 1)

        first.kill()
        first.wait()

        assert ticks_go_on(place, 3)


def test_the_lock_of_a_killed_scheduler_is_removed(
    place: Place, settings: Settings, valkey: "redis.Redis"
) -> None:
    valkey.set(Scheduler.scheduler_lock_key, time.time() - 60)

    with processes.clock(settings) as clock:
        both_parts(clock)

        assert ticks_go_on(place)
        assert eventually(lambda: valkey.zscore(Scheduler.scheduled_jobs_key, TICK_ID))


def test_a_clock_sends_what_was_triggered_before_it_lived(
    traveller: Traveller, settings: Settings, valkey: "redis.Redis"
) -> None:
    execution_id = traveller.trigger(traveller.workflow(value("a", 1)))
    eventually(lambda: valkey.llen("rq:queue:executions"))
    valkey.flushdb()

    with processes.clock(settings), processes.worker(settings):
        assert traveller.finished(execution_id)["status"] == "completed"

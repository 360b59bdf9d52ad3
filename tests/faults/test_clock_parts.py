"""A clock that loses a part, or its job: the ticks go on."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from rq_scheduler import Scheduler

from app.settings import Settings
from app.ticker import TICK_ID
from tests.faults.clocks import both_parts, ticks_go_on
from tests.journeys import processes
from tests.journeys.processes import Process, eventually
from tests.servers import PROJECT
from tests.store.place import Place

pytestmark = pytest.mark.faults

FULL = Path("/dev/full")  # whatever is written there finds no room


@pytest.fixture
def valkey(settings: Settings) -> Iterator["redis.Redis"]:
    """Give a client of the Redis under test."""
    with redis.Redis.from_url(settings.redis_url) as opened:
        yield opened


@pytest.fixture(scope="module")
def clock(settings: Settings) -> Iterator[Process]:
    """Run one clock for all of these tests."""
    with processes.clock(settings) as process:
        both_parts(process)
        yield process


@pytest.mark.parametrize("part", ["scheduler", "worker"])
def test_ticks_go_on_when_a_part_of_the_clock_is_killed(place: Place, clock: Process, part: str) -> None:
    parts = both_parts(clock)
    assert ticks_go_on(place)

    os.kill(parts[part], signal.SIGKILL)

    assert ticks_go_on(place)
    assert both_parts(clock)[part] != parts[part]
    assert clock.poll() is None


@pytest.mark.usefixtures("clock")
def test_a_lost_periodic_job_is_registered_again(place: Place, valkey: "redis.Redis") -> None:
    assert ticks_go_on(place, 1)

    valkey.flushdb()

    assert eventually(lambda: valkey.zscore(Scheduler.scheduled_jobs_key, TICK_ID))
    assert ticks_go_on(place)


@pytest.mark.usefixtures("clock")
def test_the_clock_ticks_while_workers_are_suspended(place: Place, valkey: "redis.Redis") -> None:
    valkey.set("rq:suspended", 1)

    assert ticks_go_on(place)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no file that is always full")
def test_a_clock_that_cannot_write_its_log_ticks_on(place: Place, settings: Settings) -> None:
    env = processes.environment(settings) | {"REDIS_URL": "redis://127.0.0.1:1"}  # so that its parts die
    command = [sys.executable, "-m", "app.ticker"]
    with FULL.open("wb") as full:
        clock = subprocess.Popen(command, cwd=PROJECT, env=env, stderr=full)
    try:
        ticked_on = ticks_go_on(place, 5)

        assert (ticked_on, clock.poll()) == (True, None)
    finally:
        processes.stop(clock)

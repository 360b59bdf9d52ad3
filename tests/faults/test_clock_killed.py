"""A clock that is killed in parts or whole: the ticks go on."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import redis
from rq_scheduler import Scheduler

from app.settings import Settings
from app.ticker import TICK_ID
from tests.journeys import processes
from tests.journeys.processes import Process, eventually
from tests.journeys.traveller import Traveller, value
from tests.store.place import Place

pytestmark = pytest.mark.faults

GAP = 8  # seconds that a tick may be late after something died
START = 30  # seconds that two more interpreters may need on a busy machine


@pytest.fixture
def valkey(settings: Settings) -> Iterator["redis.Redis"]:
    """Give a client of the Redis under test."""
    with redis.Redis.from_url(settings.redis_url) as opened:
        yield opened


def children(pid: int) -> dict[str, int]:
    """Find the child processes of a clock by the last word of their command."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words = (folder / "cmdline").read_text().split("\0")[:-1]
        except (OSError, IndexError, ValueError):
            continue
        if parent == pid and words:
            found[words[-1]] = int(folder.name)
    return found


def last_tick(place: Place) -> datetime | None:
    """Tell when the last tick was."""
    [row] = place.sql("SELECT last_tick_at FROM installation")
    found: datetime | None = row.last_tick_at
    return found


def ticks_go_on(place: Place, number: int = 2) -> bool:
    """Tell whether several more ticks come, none of them late."""
    for _ in range(number):
        before = last_tick(place)
        if not eventually(lambda before=before: last_tick(place) != before, GAP):  # type: ignore[misc]
            return False
    return True


def both_parts(clock: Process) -> dict[str, int]:
    """Wait for scheduler and tick worker; give their process ids."""
    assert eventually(lambda: {"scheduler", "worker"} <= set(children(clock.pid)), START)
    return children(clock.pid)


@pytest.mark.parametrize("part", ["scheduler", "worker"])
def test_ticks_go_on_when_a_part_of_the_clock_is_killed(place: Place, settings: Settings, part: str) -> None:
    with processes.clock(settings) as clock:
        parts = both_parts(clock)
        assert ticks_go_on(place)

        os.kill(parts[part], signal.SIGKILL)

        assert ticks_go_on(place)
        assert both_parts(clock)[part] != parts[part]
        assert clock.poll() is None


def test_nothing_of_a_killed_clock_stays_and_the_next_one_ticks(place: Place, settings: Settings) -> None:
    with processes.clock(settings) as clock:
        parts = both_parts(clock)
        assert ticks_go_on(place, 1)
        clock.kill()
        clock.wait()
        assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in parts.values()), GAP)

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
        assert eventually(lambda: valkey.zscore(Scheduler.scheduled_jobs_key, TICK_ID), GAP)


def test_a_lost_periodic_job_is_registered_again(
    place: Place, settings: Settings, valkey: "redis.Redis"
) -> None:
    with processes.clock(settings) as clock:
        both_parts(clock)
        assert ticks_go_on(place, 1)

        valkey.flushdb()

        assert eventually(lambda: valkey.zscore(Scheduler.scheduled_jobs_key, TICK_ID), GAP)
        assert ticks_go_on(place)


def test_the_clock_ticks_while_workers_are_suspended(
    place: Place, settings: Settings, valkey: "redis.Redis"
) -> None:
    valkey.set("rq:suspended", 1)

    with processes.clock(settings):
        assert ticks_go_on(place)


def test_a_clock_sends_what_was_triggered_before_it_lived(
    traveller: Traveller, settings: Settings, valkey: "redis.Redis"
) -> None:
    execution_id = traveller.trigger(traveller.workflow(value("a", 1)))
    eventually(lambda: valkey.llen("rq:queue:executions"))
    valkey.flushdb()

    with processes.clock(settings), processes.worker(settings):
        assert traveller.finished(execution_id, 12)["status"] == "completed"

"""Clocks and workers killed at random: each instant of a schedule fires once or is recorded as missed."""

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from flask import Flask

from app.settings import Settings
from tests.faults.clocks import children
from tests.journeys.processes import Process, drain, eventually, start, stop
from tests.services.clockwork import Clockwork
from tests.store.place import Place

pytestmark = pytest.mark.faults

# The long run: FAULT_SECONDS=120 FAULT_SCHEDULES=200 FAULT_PROCESSES=5.
SECONDS = float(os.environ.get("FAULT_SECONDS", "20"))
SCHEDULES = int(os.environ.get("FAULT_SCHEDULES", "50"))
PROCESSES = int(os.environ.get("FAULT_PROCESSES", "2"))
EVERY_2_SECONDS = "*/2 * * * * *"
BEGIN = """
UPDATE schedules SET next_fire_at = to_timestamp(ceil(extract(epoch FROM now()) / 2) * 2)
RETURNING id, next_fire_at
"""
COMMANDS = (("-m", "app.ticker"), ("worker.py",))


class Crew:
    """Clocks and workers; whoever is killed is started again."""

    def __init__(self, settings: Settings, each: int) -> None:
        self._settings = settings
        self._members = [(command, self._start(command)) for command in COMMANDS for _ in range(each)]

    def kill_one(self, dice: random.Random) -> None:
        """Kill a process without warning: a member with all its parts, or one part of a clock."""
        number = dice.randrange(len(self._members))
        command, process = self._members[number]
        parts = sorted(children(process.pid).values()) if command[-1] == "app.ticker" else []
        victim = dice.choice([process.pid, *parts])
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        if victim == process.pid:
            process.wait()
            self._members[number] = (command, self._start(command))

    def stop(self) -> None:
        """End them all."""
        for _, process in self._members:
            stop(process)

    def _start(self, command: tuple[str, ...]) -> Process:
        process = start(self._settings, *command, LOG_LEVEL="ERROR")
        drain(process)
        return process


@pytest.fixture
def crew(settings: Settings) -> Iterator[Crew]:
    """Give clocks and workers."""
    found = Crew(settings, PROCESSES)
    try:
        yield found
    finally:
        found.stop()


def test_every_instant_is_fired_once_or_recorded_as_missed(app: Flask, place: Place, crew: Crew) -> None:
    seed = int(os.environ.get("FAULT_SEED", time.time_ns() % 1_000_000))
    print(f"FAULT_SEED={seed}")  # noqa: T201 -- shown when the test fails
    dice, clockwork = random.Random(seed), Clockwork(app, place)
    made = [
        clockwork.add(cron=EVERY_2_SECONDS, catch_up=("one", "none", "all")[number % 3])
        for number in range(SCHEDULES)
    ]
    first = {row.id: row.next_fire_at for row in place.sql(BEGIN)}  # told by what sets it: a clock may tick

    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(dice.uniform(0.1, 0.8))
        crew.kill_one(dice)
    [row] = place.sql("SELECT now() AS at")
    assert eventually(lambda: all(clockwork.row(i).next_fire_at > row.at for i in made), seconds=90)
    place.sql("UPDATE schedules SET enabled = false")

    ended = "SELECT NOT EXISTS (SELECT FROM executions WHERE status IN ('pending', 'running')) AS ended"
    assert eventually(lambda: place.sql(ended)[0].ended, seconds=60)
    for schedule_id in made:
        clockwork.accounted(schedule_id, first[schedule_id])
        fired = [fire.execution_id for fire in clockwork.fires(schedule_id) if fire.outcome == "fired"]
        assert sorted(fired) == sorted(row.id for row in clockwork.executions(schedule_id))
    [total] = place.sql("SELECT count(execution_id) AS fired FROM schedule_fires")
    assert total.fired >= SCHEDULES * SECONDS / 8

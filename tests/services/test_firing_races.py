"""Many clocks at once, and clocks that die: each instant fires exactly once."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from app.services import firing
from app.settings import Settings
from app.store import claims, quotas
from tests.engine.changes import in_thread, waiting_for_a_lock
from tests.journeys.processes import environment, eventually
from tests.servers import PROJECT
from tests.services.clockwork import EVERY_SECOND, Clockwork

CLOCKS = 5
# A clock that stands still before its commit, until it is killed.
STUCK = """
import time
from app import create_app
from app.services import firing
from app.store import firing as store
app = create_app()
advance = store.advance
def stand_still(*given):
    advance(*given)
    print("stuck", flush=True)
    time.sleep(60)
store.advance = stand_still
with app.app_context():
    firing.fire_due_schedules()
"""


def test_five_clocks_at_once_fire_each_instant_once(clockwork: Clockwork) -> None:
    made = [clockwork.due(5) for _ in range(40)]
    first = {schedule_id: clockwork.row(schedule_id).next_fire_at for schedule_id in made}
    end = time.monotonic() + 2.5

    def tick_on() -> None:
        with clockwork.app.app_context():
            while time.monotonic() < end:
                firing.fire_due_schedules()

    threads = [threading.Thread(target=tick_on) for _ in range(CLOCKS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for schedule_id in made:
        clockwork.accounted(schedule_id, first[schedule_id])
        assert_each_has_one_execution(clockwork, schedule_id)


def test_a_fire_that_cancels_and_a_claim_do_not_wait_for_each_other(clockwork: Clockwork) -> None:
    place, schedule = clockwork.place, clockwork.add(overlap="cancelPrevious")
    place.sql("UPDATE workspaces SET executions_per_day = 500")  # counted exactly, so locked
    [queued] = place.add(schedule_id=schedule)
    clockwork.once(schedule)

    with place.transaction() as claim:
        quotas.lock_exactly(claim, [place.scope.workspace_id])
        with in_thread(lambda: fire(clockwork)):
            waiting_for_a_lock(place)
            claims.claim_many(claim, [queued], "w1", 30)
            claim.commit()

    assert place.row(queued).cancel_code == "overlap"
    assert len(place.statuses()) == 2


def fire(clockwork: Clockwork) -> None:
    """Fire what is due."""
    with clockwork.app.app_context():
        firing.fire_due_schedules()


def test_a_clock_killed_before_its_commit_leaves_its_fires_to_the_next(
    clockwork: Clockwork, settings: Settings
) -> None:
    made = clockwork.due(3, cron=EVERY_SECOND)
    first: datetime = clockwork.row(made).next_fire_at
    stuck = subprocess.Popen(
        [sys.executable, "-c", STUCK], cwd=PROJECT, env=environment(settings), stdout=subprocess.PIPE
    )
    assert stuck.stdout is not None
    with stuck, suppress(ProcessLookupError):
        assert stuck.stdout.readline() == b"stuck\n"
        assert clockwork.fire() == 0
        os.kill(stuck.pid, signal.SIGKILL)
    assert clockwork.executions(made) == []

    assert eventually(clockwork.fire)

    clockwork.accounted(made, first)
    assert_each_has_one_execution(clockwork, made)


def assert_each_has_one_execution(clockwork: Clockwork, schedule_id: UUID) -> None:
    """Assert that fires and executions name each other, one to one."""
    fired = [fire.execution_id for fire in clockwork.fires(schedule_id) if fire.outcome == "fired"]
    made = [row.id for row in clockwork.executions(schedule_id)]
    instants = Counter(row.trigger["scheduledFor"] for row in clockwork.executions(schedule_id))
    assert sorted(fired) == sorted(made)
    assert set(instants.values()) == {1}

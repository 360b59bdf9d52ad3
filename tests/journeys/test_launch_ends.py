"""`make run` leaves nothing, however it ends."""

import signal

import pytest

from tests.journeys.launched import MOST_SECONDS, until
from tests.living import living

pytestmark = pytest.mark.long


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_and_leaves_nothing(launch, data_dir, signum):
    running = launch()
    running.says("^ready$")
    processes, run_env = running.processes(), data_dir / "run.env"
    assert run_env.exists()

    running.process.send_signal(signum)

    assert running.process.wait(MOST_SECONDS) == 0
    assert living(processes) == []
    assert not run_env.exists()
    assert [path for path in data_dir.rglob("*") if path.is_socket()] == []


def test_asked_to_stop_while_it_starts_it_leaves_nothing(launch, data_dir):
    running = launch()
    until((data_dir / "postgres").exists)
    processes = running.processes()

    running.process.send_signal(signal.SIGINT)

    assert running.process.wait(MOST_SECONDS) == 0
    assert living(processes) == []


def test_when_it_is_killed_its_children_end_too(launch):
    running = launch()
    running.says("^ready$")
    processes = running.processes()

    running.process.kill()
    running.process.wait()

    until(lambda: not living(processes), state=lambda: living(processes))

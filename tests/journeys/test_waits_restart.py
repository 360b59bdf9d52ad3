"""A wait is in the database alone: it goes on though every process was killed."""

import signal

from app.settings import Settings
from tests.journeys import processes
from tests.journeys.traveller import Traveller, value

WAIT = {"id": "pause", "type": "wait", "with": {"seconds": 3}}


def test_a_wait_survives_that_every_process_is_killed(traveller: Traveller, settings: Settings) -> None:
    process = processes.start_worker(settings)
    execution_id = traveller.trigger(traveller.workflow(value("a", 1), WAIT, value("b", 2)))
    assert processes.eventually(lambda: traveller.see(execution_id)["reason"] == "waiting")
    processes.stop(process, signal.SIGKILL)

    with processes.clock(settings), processes.worker(settings):
        execution = traveller.finished(execution_id)

    assert (execution["status"], execution["output"], execution["takeovers"]) == ("completed", 2, 0)

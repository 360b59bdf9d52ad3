"""A worker that is told to stop ends in time and in order, whatever its servers do meanwhile."""

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from app.settings import Settings
from tests.faults.network import Proxy
from tests.faults.stand import Stand
from tests.journeys import processes
from tests.journeys.processes import eventually
from tests.journeys.traveller import Traveller, call
from tests.servers import PROJECT

pytestmark = pytest.mark.faults

IN_TIME = 20  # A second of grace, seven to write what is left and sign off, and the rest for a busy machine.


@pytest.mark.parametrize("fault", [Proxy.freeze, Proxy.refuse], ids=["hang", "refuse"])
def test_a_worker_stops_in_time_while_its_servers(stand: Stand, fault: Callable[[Proxy], None]) -> None:
    [worker] = stand.ready("worker")
    traveller = Traveller(stand.caller())
    traveller.trigger_many(traveller.workflow(call("slow", f"{stand.effects.url}/slow?ms=60000")), [{}] * 5)
    assert eventually(lambda: len(stand.effects.seen) == 5, 30)

    fault(worker.postgres)
    fault(worker.redis)
    begun = time.monotonic()
    code = worker.end(60)

    assert code == 0
    assert time.monotonic() - begun < IN_TIME


def test_a_worker_that_still_waits_for_redis_stops_too(stand: Stand) -> None:
    worker = stand.start("worker")
    worker.redis.refuse()
    assert eventually(lambda: worker.says("waiting for Redis"), 60)

    assert worker.end(60) == 0


# A signal may come between any two instructions: here it does while an event is being set, its lock held.
INTERRUPTED = """
import signal
from app import create_app
from app.engine import worker
from app.extensions import db

class Interrupted(worker.Feeder):
    def start(self):
        super().start()
        with self._room._cond:
            signal.raise_signal(signal.SIGTERM)

worker.Feeder = Interrupted
with (app := create_app()).app_context():
    worker.ExecutionsWorker(app.config["SETTINGS"], db.engine).work()
"""


def test_a_signal_may_come_in_the_middle_of_anything(settings: Settings) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], cwd=PROJECT, env=processes.environment(settings), timeout=60
    )

    assert ended.returncode == 0

"""A disk that fills up under PostgreSQL: callers are told to come back, and nothing is lost."""

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.stand import Stand, standing
from tests.faults.traffic import Customer
from tests.faults.verdict import Expected, judge, unfinished
from tests.journeys.processes import eventually
from tests.journeys.traveller import call, value

pytestmark = pytest.mark.faults

DISK = "256m"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small disk, or skip the test where that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", tmp_path])
    if mounted.returncode != 0:
        pytest.skip("this machine does not allow a small disk to be mounted")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


@pytest.fixture
def cramped(small_disk: Path) -> Iterator[Stand]:
    """Give a stand on a small disk."""
    with standing(disk=small_disk) as found:
        yield found


def fill(ballast: Path) -> None:
    """Write until there is no room left."""
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65_536))
        except OSError:
            return


def test_a_full_disk_refuses_and_delays_but_loses_nothing(cramped: Stand) -> None:
    web, _, _ = cramped.ready("web", "worker", "clock", MAX_TAKEOVERS="100")
    customer = Customer(web.url, cramped.caller())
    workflow_id = customer.workflow(
        call("a", f"{cramped.effects.url}/a?ms=200"), value("last", "${{ input }}")
    )
    ballast = cramped.folder / "ballast"
    padded = {"words": "and so on " * 5_000}
    body = {"workflowId": workflow_id, "input": padded}

    for _ in range(20):
        customer.trigger(workflow_id, padded)
    fill(ballast)
    refused = [
        customer.once("POST", f"{customer.caller.space}/executions", body, timeout=30) for _ in range(60)
    ]
    waiting = threading.Thread(target=customer.trigger, args=(workflow_id, padded))
    waiting.start()
    ballast.unlink()
    while waiting.is_alive():
        if cramped.postgres.process.poll() is not None:  # it may give up only now
            cramped.start_postgres()
        waiting.join(0.2)

    codes = {reply.status for reply in refused}
    assert 503 in codes
    assert codes <= {202, 503}
    assert all("retry-after" in reply.headers for reply in refused if reply.status == 503)
    customer.accepted |= {reply.body["id"]: padded for reply in refused if reply.status == 202}
    assert eventually(lambda: unfinished(cramped) == 0, 60)
    assert judge(cramped, Expected(customer.accepted, effects=("a",))).faults == []

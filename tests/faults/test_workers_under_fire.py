"""Workers whose clock is wrong, that are restarted under load, or that an execution kills again and again."""

import importlib.util
import threading
from pathlib import Path

import pytest

from tests.faults.member import Member
from tests.faults.stand import Stand
from tests.faults.traffic import Customer
from tests.faults.verdict import Expected, judge, unfinished
from tests.journeys.processes import eventually
from tests.journeys.traveller import call, value

pytestmark = [pytest.mark.faults, pytest.mark.long]

PATIENT = {"LEASE_SECONDS": "20"}  # no lease runs out because the machine is busy


def faketime() -> Path:
    """Find the library that gives a process another time, or skip the test."""
    spec = importlib.util.find_spec("libfaketime")
    for folder in (spec and spec.submodule_search_locations) or []:
        for library in Path(folder).rglob("libfaketime.so.1"):
            return library
    pytest.skip("no libfaketime.so.1: the package libfaketime is not installed, or has none for this system")


@pytest.mark.parametrize("shift", ["-3600", "+3600"])
def test_a_worker_whose_clock_is_an_hour_wrong_changes_nothing(stand: Stand, shift: str) -> None:
    wrong = {"LD_PRELOAD": str(faketime()), "FAKETIME": shift, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    web, _ = stand.ready("web", "clock")
    stand.ready("worker", **wrong, **PATIENT, DONT_FAKE_MONOTONIC="1")
    customer = Customer(web.url, stand.caller())
    workflow_id = customer.workflow(
        call("a", f"{stand.effects.url}/a?ms=300"),
        {"id": "pause", "type": "wait", "with": {"seconds": 3}},
        value("last", "${{ input }}"),
        timeoutSeconds=60,
    )

    for number in range(20):
        customer.trigger(workflow_id, number)

    assert eventually(lambda: unfinished(stand) == 0, 60)
    verdict = judge(stand, Expected(customer.accepted, effects=("a",)))
    assert (verdict.faults, verdict.figures["taken over"]) == ([], 0)
    [late] = stand.sql(
        "SELECT max(abs(extract(epoch FROM now() - s.completed_at))) AS seconds, "
        "count(*) FILTER (WHERE s.started_at < e.created_at OR s.completed_at > now()) AS strange "
        "FROM execution_steps s JOIN executions e ON e.id = s.execution_id"
    )
    assert late.seconds < 300
    assert late.strange == 0
    [slept] = stand.sql(
        "SELECT min(extract(epoch FROM completed_at - started_at)) AS least FROM execution_steps "
        "WHERE step_id = 'pause'"
    )
    assert slept.least >= 3


def test_rolling_restarts_under_load_fail_nothing(stand: Stand) -> None:
    [web, first, second, _] = stand.ready("web", "worker", "worker", "clock", **PATIENT)
    customer = Customer(web.url, stand.caller())
    url = stand.effects.url
    workflow_id = customer.workflow(
        *(call(step_id, f"{url}/{step_id}?ms=400") for step_id in ("a", "b", "c")),
        value("last", "${{ input }}"),
    )
    stop = threading.Event()

    def load() -> None:
        number = 0
        while not stop.wait(0.05):
            customer.trigger(workflow_id, number := number + 1)

    loading = threading.Thread(target=load)
    loading.start()
    try:
        codes = [restarted(member) for member in (first, second) * 2]
    finally:
        stop.set()
        loading.join()

    assert codes == [0, 0, 0, 0]
    assert eventually(lambda: unfinished(stand) == 0, 60)
    verdict = judge(stand, Expected(customer.accepted, effects=("a", "b", "c")))
    assert verdict.faults == []
    assert verdict.figures["taken over"] == 0


def restarted(member: Member) -> int:
    """Stop a worker and start it again; give its exit code."""
    code = member.end()
    member.restart()
    member.await_ready()
    return code


def poison(customer: Customer) -> str:
    """Save and trigger an execution that kills its worker; give its id. Only the processes know the task."""
    definition = {"steps": [{"id": "boom", "type": "task", "with": {"name": "die"}}]}
    body = {"name": "Poison", "definition": definition}
    made = customer.once("POST", f"{customer.caller.space}/workflows", body)
    assert made.status == 201, made
    return customer.trigger(made.body["id"], None)


@pytest.mark.parametrize("milliseconds", [100, 6_000], ids=["short ones", "long ones"])
def test_an_execution_that_kills_its_workers_ends_as_crashed_and_takes_no_neighbour_with_it(
    stand: Stand, milliseconds: int
) -> None:
    [web, *_] = stand.ready(
        "web", "worker", "worker", "clock", TASK_MODULES="tests.faults.deadly", LEASE_SECONDS="2"
    )
    customer = Customer(web.url, stand.caller())
    workflow_id = customer.workflow(
        call("a", f"{stand.effects.url}/a?ms={milliseconds}"), value("last", "${{ input }}")
    )
    for number in range(4):
        customer.trigger(workflow_id, number)
    execution_id = poison(customer)
    for number in range(4):
        customer.trigger(workflow_id, number)

    def revived() -> bool:
        for member in stand.of("worker"):
            if member.process.poll() is not None:
                member.restart()
        return unfinished(stand) == 0

    assert eventually(revived, 240, pause=0.2)
    [row] = stand.sql("SELECT reason, takeovers FROM executions WHERE id = %(id)s::uuid", id=execution_id)
    assert (row.reason, row.takeovers) == ("crashed", 3)
    assert judge(stand, Expected(customer.accepted, crashed={execution_id}, effects=("a",))).faults == []

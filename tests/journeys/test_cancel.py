"""Cancel is a promise: what was accepted happens, and soon."""

import time

import pytest
import redis

from app.queue import suspend
from app.settings import Settings
from tests.journeys import processes
from tests.journeys.traveller import Traveller, call, value
from tests.journeys.upstream import Record

SOON = 10  # Two seconds are promised; the rest is for a busy machine.


def test_a_pending_execution_is_cancelled_at_once_and_never_starts(
    traveller: Traveller, settings: Settings
) -> None:
    with redis.Redis.from_url(settings.redis_url) as connection:
        suspend(connection, paused=True)
        execution_id = traveller.trigger(traveller.workflow(value("a", 1)))

        code, body = traveller.cancel(execution_id)
        suspend(connection, paused=False)

    assert (code, body["status"], body["reason"], body["error"]) == (200, "cancelled", "requested", "enough")
    with processes.worker(settings):
        assert (
            traveller.finished(traveller.trigger(traveller.workflow(value("a", 1))))["status"] == "completed"
        )
    seen = traveller.see(execution_id)
    assert (seen["status"], seen["startedAt"], seen["by_id"]["a"]["startedAt"]) == ("cancelled", None, None)


@pytest.mark.usefixtures("worker")
def test_a_call_in_flight_is_aborted_soon(traveller: Traveller, upstream: Record) -> None:
    execution_id = traveller.trigger(
        traveller.workflow(
            call("slow", f"{upstream.url}/slow?wait=60"), value("b", 1), value("last", 1, runOn="always")
        )
    )
    traveller.until(execution_id, "slow", "running")
    asked = time.monotonic()

    code, body = traveller.cancel(execution_id)
    execution = traveller.finished(execution_id)

    assert (code, body["status"], body["reason"]) == (202, "running", "cancelling")
    assert time.monotonic() - asked < SOON
    assert (execution["status"], execution["reason"], execution["error"]) == (
        "cancelled",
        "requested",
        "enough",
    )
    assert {step["stepId"]: step["status"] for step in execution["steps"]} == {
        "slow": "cancelled",
        "b": "skipped",
        "last": "skipped",
    }


@pytest.mark.usefixtures("worker")
def test_cancelling_again_is_fine_until_it_is_settled_and_after(
    traveller: Traveller, upstream: Record
) -> None:
    execution_id = traveller.trigger(traveller.workflow(call("slow", f"{upstream.url}/slow?wait=60")))
    traveller.until(execution_id, "slow", "running")

    first, _ = traveller.cancel(execution_id)
    second, _ = traveller.cancel(execution_id)
    traveller.finished(execution_id)
    third, body = traveller.cancel(execution_id)

    assert (first, third, body["status"]) == (202, 200, "cancelled")
    assert second in (200, 202)


@pytest.mark.usefixtures("worker")
def test_a_finished_execution_cannot_be_cancelled(traveller: Traveller) -> None:
    execution = traveller.run(value("a", 1))

    code, body = traveller.cancel(execution["id"])

    assert (code, body["code"]) == (409, "execution_finished")


@pytest.mark.usefixtures("worker")
def test_an_accepted_cancel_wins_over_a_later_end(traveller: Traveller, upstream: Record) -> None:
    workflow_id = traveller.workflow(call("short", f"{upstream.url}/short?wait=0.05"), value("b", 1))
    accepted = []

    for number in range(36):
        execution_id = traveller.trigger(workflow_id)
        time.sleep(number % 12 / 100)
        code, _ = traveller.cancel(execution_id)
        if code in (200, 202):
            accepted.append(execution_id)
        else:
            assert code == 409

    ends = {traveller.finished(execution_id)["status"] for execution_id in accepted}
    assert accepted
    assert ends == {"cancelled"}

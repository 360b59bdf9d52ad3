"""Quotas in the life of executions: places are kept to, nobody is forgotten, no parent waits for ever."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from app.settings import Settings
from tests.journeys import processes
from tests.journeys.processes import eventually
from tests.journeys.traveller import Traveller, call, value
from tests.journeys.upstream import Record

pytestmark = pytest.mark.usefixtures("worker", "clock")


@pytest.fixture(scope="module")
def clock(settings: Settings) -> Iterator[None]:
    """Run the clock: it wakes what waits, and sends what a raised quota sets free."""
    with processes.clock(settings):
        yield


def limit(traveller: Traveller, **quotas: int) -> None:
    """Set quotas of the workspace."""
    reply = traveller.api.ask("PATCH", f"{traveller.api.workspace}/quotas", quotas)
    assert reply.status_code == 200, reply.get_json()


def begun(ends: list[dict[str, Any]]) -> list[str]:
    """List the ids in the order in which they began."""
    return [end["id"] for end in sorted(ends, key=lambda end: end["startedAt"])]


def test_no_more_run_at_once_than_the_quota_says_and_all_run_in_order(
    traveller: Traveller, upstream: Record
) -> None:
    limit(traveller, maxConcurrentExecutions=2)
    workflow = traveller.workflow(call("one", f"{upstream.url}/slow?wait=0.2"))

    ids = traveller.trigger_many(workflow, [{}] * 6)
    ends = [traveller.finished(i) for i in ids]

    assert {end["status"] for end in ends} == {"completed"}
    for end in ends:
        at_once = [e for e in ends if e["startedAt"] <= end["startedAt"] < e["completedAt"]]
        assert len(at_once) <= 2
    assert begun(ends) == ids


def test_with_one_place_each_begins_in_its_turn(traveller: Traveller) -> None:
    limit(traveller, maxConcurrentExecutions=1)
    workflow = traveller.workflow(value("one", 1))

    ids = traveller.trigger_many(workflow, [{}] * 6)

    assert begun([traveller.finished(i) for i in ids]) == ids


def test_a_parent_that_waits_for_its_child_leaves_it_the_only_place(
    traveller: Traveller, upstream: Record
) -> None:
    limit(traveller, maxConcurrentExecutions=1)
    inner = traveller.workflow(call("one", f"{upstream.url}/inner?wait=0.2"))
    outer = traveller.workflow({"id": "kid", "type": "workflow", "with": {"workflowId": inner}})

    ends = [traveller.finished(i) for i in traveller.trigger_many(outer, [{}] * 3)]

    assert [end["status"] for end in ends] == ["completed"] * 3


def test_a_workflow_with_a_limit_of_its_own_leaves_the_others_alone(
    traveller: Traveller, upstream: Record
) -> None:
    narrow = traveller.workflow(call("one", f"{upstream.url}/narrow?wait=0.3"))
    traveller.api.ask("PATCH", f"{traveller.api.space}/workflows/{narrow}", {"maxConcurrency": 1})
    ids = traveller.trigger_many(narrow, [{}] * 3)

    other = traveller.run(value("two", 2))

    ends = [traveller.finished(i) for i in ids]
    starts = sorted((end["startedAt"], end["completedAt"]) for end in ends)
    assert other["status"] == "completed"
    assert all(later[0] >= earlier[1] for earlier, later in pairwise(starts))


def test_a_child_that_a_quota_refuses_fails_its_parent_as_quota_exceeded(traveller: Traveller) -> None:
    inner = traveller.workflow(value("one", 1))
    outer = traveller.workflow({"id": "kid", "type": "workflow", "with": {"workflowId": inner}})
    limit(traveller, executionsPerDay=1)

    execution = traveller.finished(traveller.trigger(outer))

    assert (execution["status"], execution["reason"]) == ("failed", "quota_exceeded")
    assert "1 executions a day" in execution["by_id"]["kid"]["error"]
    assert execution["children"] == []


def test_a_refused_child_may_be_gone_on_without(traveller: Traveller) -> None:
    inner = traveller.workflow(value("one", 1))
    kid = {"id": "kid", "type": "workflow", "with": {"workflowId": inner}, "onError": "continue"}
    outer = traveller.workflow(kid)
    limit(traveller, executionsPerDay=1)

    execution = traveller.finished(traveller.trigger(outer))

    assert (execution["status"], execution["by_id"]["kid"]["status"]) == ("completed", "failed")


def test_handlers_of_failures_find_their_places_one_after_another(traveller: Traveller) -> None:
    handler = traveller.workflow(value("note", 1))
    traveller.api.ask("PATCH", f"{traveller.api.space}/workflows/{handler}", {"maxConcurrency": 1})
    failing = traveller.workflow(
        {"id": "one", "type": "fail", "with": {"message": "no"}}, onFailure={"workflowId": handler}
    )

    ends = [traveller.finished(i) for i in traveller.trigger_many(failing, [{}] * 20)]

    assert {end["status"] for end in ends} == {"failed"}
    assert eventually(lambda: handled(traveller, handler) == ["completed"] * 20), handled(traveller, handler)


def handled(traveller: Traveller, handler: str) -> list[str]:
    """Give the status of all executions of a handler."""
    listed = traveller.api.ask("GET", f"{traveller.api.space}/executions?workflowId={handler}&limit=100")
    return [execution["status"] for execution in listed.get_json()["data"]]


def test_an_execution_that_runs_longer_than_the_quota_allows_times_out(
    traveller: Traveller, upstream: Record
) -> None:
    limit(traveller, maxExecutionSeconds=1)

    execution = traveller.run(call("one", f"{upstream.url}/hang?wait=60"))

    assert (execution["status"], execution["reason"]) == ("failed", "timeout")
    assert "1 s" in execution["error"]


def test_a_raised_quota_lets_the_held_go_on(traveller: Traveller, upstream: Record) -> None:
    limit(traveller, maxConcurrentExecutions=1)
    workflow = traveller.workflow(call("one", f"{upstream.url}/long?wait=60"))
    first, second = traveller.trigger_many(workflow, [{}] * 2)
    eventually(lambda: traveller.see(first)["status"] == "running")
    assert traveller.see(second)["reason"] == "concurrency"

    limit(traveller, maxConcurrentExecutions=2)
    eventually(lambda: traveller.see(second)["status"] == "running")

    assert traveller.see(second)["status"] == "running"

"""Children and handlers of failures: depth, ends, limits and what is passed on."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.settings import Settings
from tests.api.caller import new_caller
from tests.journeys import processes
from tests.journeys.traveller import Traveller, call, value
from tests.journeys.upstream import Record

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("worker")]


@pytest.fixture(scope="module", autouse=True)
def _clock(settings: Settings) -> Iterator[None]:
    with processes.clock(settings):
        yield


def child(step_id: str, workflow_id: str, **more: Any) -> dict[str, Any]:
    """Write a workflow step; `more` goes to its `with`."""
    return {"id": step_id, "type": "workflow", "with": {"workflowId": workflow_id, **more}}


def redefine(traveller: Traveller, workflow_id: str, definition: dict[str, Any], **more: Any) -> None:
    """Save another definition of a workflow."""
    path = f"{traveller.api.space}/workflows/{workflow_id}"
    reply = traveller.api.ask("PATCH", path, {"definition": definition, **more})
    assert reply.status_code == 200, reply.get_json()


def descendants(traveller: Traveller, execution: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the first child, its first child, and so on."""
    found = []
    while execution["children"]:
        execution = traveller.see(execution["children"][0])
        found.append(execution)
    return found


def test_executions_start_one_another_ten_deep_and_no_deeper(traveller: Traveller) -> None:
    me = traveller.workflow(value("a", 1))
    deeper = child("deeper", me, input={"left": "${{ input.left - 1 }}"}) | {"if": "${{ input.left > 0 }}"}
    redefine(traveller, me, {"steps": [deeper], "output": "${{ (steps.deeper.output || 0) + 1 }}"})

    ten = traveller.finished(traveller.trigger(me, {"left": 10}))
    eleven = traveller.finished(traveller.trigger(me, {"left": 11}))

    assert (ten["status"], ten["output"], len(descendants(traveller, ten))) == ("completed", 11, 10)
    assert (eleven["status"], len(descendants(traveller, eleven))) == ("failed", 10)
    assert "10 deep" in descendants(traveller, eleven)[-1]["error"]


def test_a_child_is_cancelled_when_its_parent_fails(traveller: Traveller, upstream: Record) -> None:
    slow = traveller.workflow(call("slow", f"{upstream.url}/slow?wait=60"))

    execution = traveller.run(
        child("kid", slow) | {"needs": []},
        call("bad", f"{upstream.url}/bad?status=404&after=/slow", needs=[]),
    )

    kid = traveller.finished(execution["children"][0])
    assert (execution["status"], execution["by_id"]["kid"]["status"]) == ("failed", "cancelled")
    assert (kid["status"], kid["reason"]) == ("cancelled", "parent")


def test_a_child_is_cancelled_when_its_parent_s_time_is_up(traveller: Traveller, upstream: Record) -> None:
    slow = traveller.workflow(call("slow", f"{upstream.url}/slow?wait=60"))

    execution = traveller.run(
        child("kid", slow) | {"needs": []},
        call("busy", f"{upstream.url}/busy?wait=60", needs=[]),
        timeoutSeconds=3,
    )

    kid = traveller.finished(execution["children"][0])
    assert (execution["status"], execution["reason"]) == ("failed", "timeout")
    assert (kid["status"], kid["reason"]) == ("cancelled", "parent")


def test_children_of_other_items_are_cancelled_when_one_fails(traveller: Traveller, upstream: Record) -> None:
    url = upstream.url + "/${{ input.n }}?${{ input.n == 1 ? 'status=404&after=/0,/2' : 'wait=60' }}"
    each = child("each", traveller.workflow(call("inside", url)), input={"n": "${{ item }}"})

    execution = traveller.run(each | {"forEach": "${{ [0, 1, 2] }}"})

    ends = [traveller.finished(kid)["status"] for kid in execution["children"]]
    assert execution["status"] == "failed"
    assert sorted(ends) == ["cancelled", "cancelled", "failed"]


def test_a_child_that_takes_longer_than_its_step_may_is_cancelled(
    traveller: Traveller, upstream: Record
) -> None:
    slow = traveller.workflow(call("slow", f"{upstream.url}/slow?wait=60"))

    execution = traveller.run(child("kid", slow) | {"timeoutSeconds": 3})

    kid = traveller.finished(execution["children"][0])
    assert (execution["status"], execution["by_id"]["kid"]["status"]) == ("failed", "failed")
    assert "3 s" in execution["error"]
    assert (kid["status"], kid["reason"]) == ("cancelled", "parent")


RETRY = {"attempts": 3, "backoffSeconds": 0.6, "jitter": False}


def test_a_failed_child_is_tried_again_by_a_new_one(traveller: Traveller, upstream: Record) -> None:
    shaky = traveller.workflow(call("inside", f"{upstream.url}/shaky?fail=1"), value("b", "fine"))

    execution = traveller.run(child("kid", shaky) | {"retry": RETRY})

    step, kids = execution["by_id"]["kid"], [traveller.see(kid) for kid in execution["children"]]
    failed, fine = sorted(kids, key=lambda kid: kid["createdAt"])
    assert (execution["status"], execution["output"], step["attempt"]) == ("completed", "fine", 2)
    assert (failed["status"], fine["status"]) == ("failed", "completed")
    assert [attempt["number"] for attempt in step["attempts"]] == [1, 2]
    assert failed["id"] in step["attempts"][0]["error"]


def test_children_of_items_are_tried_again_each_by_itself(traveller: Traveller, upstream: Record) -> None:
    url = upstream.url + "/${{ input.n }}?fail=${{ input.n }}"
    shaky = traveller.workflow(call("inside", url), value("b", "${{ input.n }}"))
    each = child("each", shaky, input={"n": "${{ item }}"}) | {"forEach": "${{ [0, 1, 2, 9] }}"}

    execution = traveller.run(each | {"retry": RETRY, "onError": "continue"})

    path = f"{traveller.api.space}/executions/{execution['id']}/steps/each/items"
    items = traveller.api.get(path).get_json()["data"]
    assert (execution["status"], execution["output"]) == ("completed", [0, 1, 2, None])
    assert [item["attempt"] for item in items] == [1, 2, 3, 3]
    assert len(execution["children"]) == 9


def test_a_child_that_takes_too_long_is_cancelled_and_tried_again(
    traveller: Traveller, upstream: Record
) -> None:
    slow = traveller.workflow(call("slow", f"{upstream.url}/slow?wait=60"))

    execution = traveller.run(child("kid", slow) | {"timeoutSeconds": 2, "retry": RETRY | {"attempts": 2}})

    ends = [traveller.finished(kid) for kid in execution["children"]]
    assert (execution["status"], execution["by_id"]["kid"]["attempt"]) == ("failed", 2)
    assert [(end["status"], end["reason"]) for end in ends] == [("cancelled", "parent")] * 2


def test_the_error_of_a_child_s_child_is_told_once(traveller: Traveller) -> None:
    third = traveller.workflow(
        {"id": "no", "name": "It's no", "type": "fail", "with": {"message": "no luck"}}
    )
    second = traveller.workflow(child("kid", third) | {"forEach": "${{ [1] }}"})
    first = traveller.workflow(child("kid", second) | {"name": "the 'kid' failed: x"})

    execution = traveller.run(child("kid", first))

    told = f'The child execution {execution["children"][0]} failed: The step "It\'s no" failed: no luck'
    assert execution["by_id"]["kid"]["error"] == told
    assert execution["error"] == f"The step 'kid' failed: {told}"


def test_a_child_that_is_not_waited_for_outlives_its_parent(traveller: Traveller, upstream: Record) -> None:
    slow = traveller.workflow(call("slow", f"{upstream.url}/slow?wait=0.5"))

    execution = traveller.run(
        child("kid", slow, wait=False), {"id": "no", "type": "fail", "with": {"message": "no"}}
    )

    assert execution["status"] == "failed"
    assert traveller.finished(execution["children"][0])["status"] == "completed"


def test_a_child_inherits_what_triggered_its_parent(traveller: Traveller) -> None:
    inner = traveller.workflow(value("seen", "${{ [execution.triggeredBy, execution.attempt] }}"))
    outer = traveller.workflow(child("kid", inner))

    execution = traveller.finished(traveller.trigger(outer, triggeredBy="manual"))

    kid = traveller.see(execution["children"][0])
    assert (execution["output"], kid["triggeredBy"]) == (["manual", 1], "manual")
    assert (kid["trigger"], kid["scheduleId"], kid["webhookId"]) == (execution["trigger"], None, None)


@pytest.mark.parametrize("continued", [False, True])
def test_a_child_that_fails_or_is_cancelled_fails_its_step(
    traveller: Traveller, upstream: Record, continued: bool
) -> None:
    slow = traveller.workflow(call("slow", f"{upstream.url}/slow?wait=60"))
    on_error = {"onError": "continue"} if continued else {}
    execution_id = traveller.trigger(
        traveller.workflow(child("kid", slow) | on_error, value("b", "${{ steps.kid.status }}"))
    )
    processes.eventually(lambda: upstream.keys_of("/slow"))

    traveller.cancel(traveller.see(execution_id)["children"][0])

    execution = traveller.finished(execution_id)
    assert execution["by_id"]["kid"]["status"] == "failed"
    assert "cancelled" in execution["by_id"]["kid"]["error"]
    assert (execution["status"], execution["output"]) == (
        ("completed", "failed") if continued else ("failed", None)
    )


def test_what_cannot_be_started_fails_the_step(app: Flask, client: FlaskClient, traveller: Traveller) -> None:
    stranger = Traveller(new_caller(app, client, "Stranger"))
    foreign = stranger.workflow(value("a", 1))
    disabled = traveller.workflow(value("a", 1))
    redefine(traveller, disabled, {"steps": [value("a", 1)]}, enabled=False)
    strict = traveller.workflow(value("a", 1), inputSchema={"type": "object", "required": ["n"]})

    errors = [traveller.run(child("kid", other))["error"] for other in (foreign, disabled, strict)]

    assert "There is no workflow" in errors[0]
    assert "disabled" in errors[1]
    assert "does not fit" in errors[2]


def test_the_input_of_a_child_may_be_as_large_as_any_and_no_larger(traveller: Traveller) -> None:
    inner = traveller.workflow(value("a", "${{ input.length }}"))

    def run(length: int) -> dict[str, Any]:
        return traveller.run(child("kid", inner, input=f"${{{{ 'x'.repeat({length}) }}}}"))

    fits, too_large = run(2**20 - 100), run(2**20)

    assert (fits["status"], fits["output"]) == ("completed", 2**20 - 100)
    assert (too_large["status"], too_large["children"]) == ("failed", [])
    assert "1 MiB" in too_large["error"]


def test_a_handler_is_never_started_for_itself(traveller: Traveller) -> None:
    me = traveller.workflow(value("a", 1))
    failing = {"id": "no", "type": "fail", "with": {"message": "no"}}
    redefine(traveller, me, {"steps": [failing], "onFailure": {"workflowId": me}})

    execution = traveller.finished(traveller.trigger(me))
    after = traveller.run(value("later", 1))

    assert (execution["status"], after["status"]) == ("failed", "completed")
    assert traveller.see(execution["id"])["children"] == []


def test_a_handler_is_started_for_each_failure_and_for_nothing_else(
    traveller: Traveller, upstream: Record
) -> None:
    handler = traveller.workflow(
        value("seen", ["${{ input.id }}", "${{ input.reason }}", "${{ input.steps }}"])
    )
    more: dict[str, Any] = {"onFailure": {"workflowId": handler}}
    failed = traveller.run({"id": "no", "type": "fail", "with": {"message": "no"}}, **more)
    late = traveller.run(call("slow", f"{upstream.url}/slow?wait=60"), timeoutSeconds=0.5, **more)
    fine = traveller.run(value("a", 1), **more)
    cancelled = traveller.trigger(traveller.workflow(call("slow", f"{upstream.url}/slow?wait=60"), **more))
    traveller.until(cancelled, "slow", "running")
    traveller.cancel(cancelled)
    traveller.finished(cancelled)

    handled = [
        traveller.finished(traveller.see(end["id"])["children"][0])["output"] for end in (failed, late)
    ]

    assert handled == [[failed["id"], "step_failed", None], [late["id"], "timeout", None]]
    assert [traveller.see(other)["children"] for other in (fine["id"], cancelled)] == [[], []]

"""Retries by hand, run by a real worker."""

from typing import Any

import pytest

from tests.journeys.traveller import Traveller, call, value
from tests.journeys.upstream import Record

pytestmark = pytest.mark.usefixtures("worker")


def retried(traveller: Traveller, execution_id: str, **body: Any) -> dict[str, Any]:
    """Retry an execution; give the new one when it has ended."""
    reply = traveller.api.post(f"{traveller.api.space}/executions/{execution_id}/retry", body)
    assert reply.status_code == 202, reply.get_json()
    return traveller.finished(reply.get_json()["id"])


def test_only_what_failed_and_what_follows_runs_again(traveller: Traveller, upstream: Record) -> None:
    steps = [
        call("paid", f"{upstream.url}/paid"),
        value("sent", "${{ input.address.street }}", needs=["paid"]),
        value("done", "${{ steps.sent.output + ' for ' + steps.paid.output.status }}", needs=["sent"]),
        value("aside", 1, needs=["paid"]),
    ]
    broken = traveller.run(*steps, input={})

    mended = retried(traveller, broken["id"], **{"from": "failed"}, input={"address": {"street": "High St"}})

    assert (broken["status"], mended["status"]) == ("failed", "completed")
    assert mended["by_id"]["done"]["output"] == "High St for 200"
    assert mended["by_id"]["paid"]["output"] == broken["by_id"]["paid"]["output"]
    assert {step["stepId"] for step in mended["steps"] if step["reusedFrom"] == broken["id"]} >= {"paid"}
    assert (mended["stepsDone"], mended["attempt"], mended["retryOf"]) == (4, 2, broken["id"])
    assert upstream.keys_of("/paid") == [f"{broken['id']}:paid"]


def test_from_the_start_everything_runs_again_under_a_key_of_its_own(
    traveller: Traveller, upstream: Record
) -> None:
    first = traveller.run(call("paid", f"{upstream.url}/paid"))

    second = retried(traveller, first["id"])

    assert (second["status"], second["by_id"]["paid"]["reusedFrom"]) == ("completed", None)
    assert upstream.keys_of("/paid") == [f"{first['id']}:paid", f"{second['id']}:paid"]


def test_when_all_is_reused_the_output_is_the_same(traveller: Traveller) -> None:
    first = traveller.run(
        value("a", {"n": "${{ input.n }}"}), value("b", "${{ steps.a.output.n }}"), input={"n": 7}
    )

    second = retried(traveller, first["id"], **{"from": "failed"})

    assert (second["status"], second["output"], second["stepsDone"]) == ("completed", 7, 2)


def test_steps_for_a_failure_are_not_taken_over_into_a_success(traveller: Traveller) -> None:
    steps = [
        value("a", "${{ input.a.b }}"),
        value("alarm", "${{ steps.a.error }}", runOn="failure"),
        value("tidy", "${{ steps.a.status }}", runOn="always"),
    ]
    first = traveller.run(*steps, input={})

    second = retried(traveller, first["id"], **{"from": "failed"}, input={"a": {"b": 1}})

    assert {step["stepId"]: step["status"] for step in first["steps"]} == {
        "a": "failed",
        "alarm": "completed",
        "tidy": "completed",
    }
    assert {step["stepId"]: step["status"] for step in second["steps"]} == {
        "a": "completed",
        "alarm": "skipped",
        "tidy": "completed",
    }
    assert second["by_id"]["tidy"]["output"] == "completed"


def test_the_latest_version_mends_what_the_old_one_could_not(traveller: Traveller) -> None:
    workflow_id = traveller.workflow(value("a", 1), value("b", "${{ input.x.y }}"))
    first = traveller.finished(traveller.trigger(workflow_id))
    mended = {"steps": [value("a", 1), value("b", "${{ steps.a.output + 1 }}")]}
    traveller.api.ask("PATCH", f"{traveller.api.space}/workflows/{workflow_id}", {"definition": mended})

    second = retried(traveller, first["id"], **{"from": "failed"}, version="latest")

    assert (second["status"], second["output"], second["workflowVersion"]) == ("completed", 2, 2)
    assert second["by_id"]["a"]["reusedFrom"] == first["id"]


def test_each_execution_runs_the_version_that_it_is_bound_to(traveller: Traveller) -> None:
    workflow_id = traveller.workflow(value("a", "old"))
    first = traveller.trigger(workflow_id, runAt="2999-01-01T00:00:00Z")
    traveller.cancel(first)
    new = {"steps": [value("a", "new")]}
    traveller.api.ask("PATCH", f"{traveller.api.space}/workflows/{workflow_id}", {"definition": new})

    same, latest = (retried(traveller, first, version=version) for version in ("same", "latest"))

    assert (same["output"], same["workflowVersion"]) == ("old", 1)
    assert (latest["output"], latest["workflowVersion"]) == ("new", 2)


def test_lists_signals_and_children_are_taken_over_whole(traveller: Traveller, upstream: Record) -> None:
    child = traveller.workflow(call("inside", f"{upstream.url}/inside"))
    steps = [
        call("each", f"{upstream.url}/each", forEach="${{ [1, 2] }}"),
        {"id": "approval", "type": "waitForSignal"},
        {"id": "kid", "type": "workflow", "with": {"workflowId": child}},
        value("last", "${{ [steps.each.output.length, steps.approval.output, input.a.b] }}"),
    ]
    execution_id = traveller.trigger(traveller.workflow(*steps), {})
    traveller.api.post(
        f"{traveller.api.space}/executions/{execution_id}/signals/approval", {"payload": "yes"}
    )
    first = traveller.finished(execution_id)

    second = retried(traveller, first["id"], **{"from": "failed"}, input={"a": {"b": 3}})

    assert (first["status"], second["status"], second["output"]) == ("failed", "completed", [2, "yes", 3])
    assert second["by_id"]["each"]["items"] == {"total": 2, "completed": 2, "failed": 0}
    assert second["children"] == []
    assert [len(upstream.keys_of(path)) for path in ("/each", "/inside")] == [2, 1]


def test_a_failed_item_runs_again_with_its_whole_list(traveller: Traveller, upstream: Record) -> None:
    url = f"{upstream.url}/item?fail=1"
    first = traveller.run(call("each", url, forEach="${{ [1, 2] }}", forEachConcurrency=1))

    second = retried(traveller, first["id"], **{"from": "failed"})

    assert (first["status"], second["status"]) == ("failed", "completed")
    assert second["by_id"]["each"]["items"] == {"total": 2, "completed": 2, "failed": 0}
    assert upstream.keys_of("/item")[-2:] == [f"{second['id']}:each:{index}" for index in (0, 1)]

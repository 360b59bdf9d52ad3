"""forEach, unkindly: limits, items in flight when one fails, waits in items, and its own rules of failure."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.settings import Settings
from tests.journeys import processes
from tests.journeys.traveller import Traveller, call, value
from tests.journeys.upstream import Record

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("worker")]


@pytest.fixture(scope="module")
def clock(settings: Settings) -> Iterator[None]:
    """Run the clock, which wakes what waits."""
    with processes.clock(settings):
        yield


def items_of(traveller: Traveller, execution: dict[str, Any], step_id: str) -> list[dict[str, Any]]:
    """Give a step's items."""
    path = f"{traveller.api.space}/executions/{execution['id']}/steps/{step_id}/items?limit=200"
    found: list[dict[str, Any]] = traveller.api.get(path).get_json()["data"]
    return found


def test_ten_thousand_items_are_the_most(traveller: Traveller) -> None:
    each = value("each", "${{ index }}", forEach="${{ Array.from({length: input.n}, () => 0) }}")
    workflow_id = traveller.workflow(each, output="${{ steps.each.output.length }}")

    most = traveller.finished(traveller.trigger(workflow_id, {"n": 10_000}), seconds=180)
    more = traveller.finished(traveller.trigger(workflow_id, {"n": 10_001}))

    assert (most["status"], most["output"]) == ("completed", 10_000)
    assert (more["status"], more["reason"]) == ("failed", "step_failed")
    assert "10001" in more["error"].replace(",", "")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "null: for no items where there is no list, add ?? [] to the expression"),
        ({"a": [1]}, 'the object {"a":[1]}: name the list in it'),
        (
            "a,b",
            """the text "a,b": make a list of it, for instance with JSON.parse(text) or text.split(',')""",
        ),
        ("x" * 9_999, f'the text "{"x" * 59}…: '),
        (2.5, "the number 2.5: for so many items write Array.from({length: n})"),
        (True, "the value true"),
    ],
)
def test_what_is_no_list_fails_the_step_and_is_told(traveller: Traveller, given: Any, told: str) -> None:
    execution = traveller.run(value("each", 1, forEach="${{ input.list }}"), input={"list": given})

    assert execution["status"] == "failed"
    assert f"forEach must give a list, but it gave {told}" in execution["error"]


def test_no_more_items_are_done_at_once_than_allowed(traveller: Traveller, upstream: Record) -> None:
    six = "${{ [1, 2, 3, 4, 5, 6] }}"

    execution = traveller.run(
        call("two", f"{upstream.url}/two?crowd=2&wait=0.05", forEach=six, forEachConcurrency=2),
        call("ten", f"{upstream.url}/ten?crowd=6", forEach=six),
    )

    assert execution["status"] == "completed", execution["error"]
    assert upstream.most_open == {"/two": 2, "/ten": 6}


def test_an_item_that_runs_out_of_attempts_fails_the_step_alone_or_counted(
    traveller: Traveller, upstream: Record
) -> None:
    retry = {"attempts": 2, "backoffSeconds": 0.01}
    url = upstream.url + "/${{ item }}?status=${{ item == 'bad' ? 500 : 200 }}"
    each = call("each", url, forEach="${{ input }}", retry=retry)

    stopped = traveller.run(each | {"forEachConcurrency": 1}, input=["good", "bad", "never"])
    counted = traveller.run(each | {"onError": "continue"}, input=["fine", "bad", "well"])

    assert (stopped["status"], upstream.keys_of("/never")) == ("failed", [])
    assert [item["attempt"] for item in items_of(traveller, stopped, "each")] == [1, 2]
    assert (counted["status"], counted["by_id"]["each"]["status"]) == ("completed", "completed")
    assert counted["by_id"]["each"]["error"] == "1 of 3 items failed"
    assert [item and item["status"] for item in counted["output"]] == [200, None, 200]
    assert "500" in items_of(traveller, counted, "each")[1]["error"]


@pytest.mark.parametrize("on_error", ["fail", "continue"])
def test_fail_in_an_item_ends_the_execution_whatever_on_error_says(
    traveller: Traveller, on_error: str
) -> None:
    step = {"id": "no", "type": "fail", "with": {"message": "no ${{ item }}"}, "onError": on_error}

    execution = traveller.run(step | {"forEach": "${{ [1, 2] }}"}, value("after", 1))

    assert (execution["status"], execution["reason"]) == ("failed", "step_failed")
    assert "no 1" in execution["error"]


def test_items_in_flight_are_cancelled_when_another_fails(traveller: Traveller, upstream: Record) -> None:
    url = upstream.url + "/${{ item }}?${{ item == 'bad' ? 'status=404&after=/slow' : 'wait=60' }}"

    execution = traveller.run(call("each", url, forEach="${{ ['slow', 'bad'] }}"))

    assert execution["status"] == "failed"
    assert [item["status"] for item in items_of(traveller, execution, "each")] == ["cancelled", "failed"]


def test_items_in_flight_are_cancelled_when_another_step_fails(
    traveller: Traveller, upstream: Record
) -> None:
    execution = traveller.run(
        call("each", upstream.url + "/${{ item }}?wait=60", forEach="${{ [1, 2] }}", needs=[]),
        call("bad", f"{upstream.url}/bad?status=404&after=/1,/2", needs=[]),
    )

    assert execution["by_id"]["each"]["status"] == "cancelled"
    assert {item["status"] for item in items_of(traveller, execution, "each")} == {"cancelled"}


def test_items_in_flight_are_cancelled_with_their_execution(traveller: Traveller, upstream: Record) -> None:
    execution_id = traveller.trigger(
        traveller.workflow(call("each", f"{upstream.url}/s?wait=60", forEach="${{ [1, 2] }}"))
    )
    processes.eventually(lambda: len(upstream.keys_of("/s")) == 2)

    traveller.cancel(execution_id)

    execution = traveller.finished(execution_id)
    assert {item["status"] for item in items_of(traveller, execution, "each")} == {"cancelled"}


@pytest.mark.usefixtures("clock")
def test_items_may_wait_and_all_go_on(traveller: Traveller) -> None:
    step = {"id": "each", "type": "wait", "with": {"seconds": "${{ item }}"}, "forEach": "${{ input }}"}

    execution = traveller.run(step, input=[3, 0.2, 2.5, 3, 3, 3, 3])

    assert execution["status"] == "completed", execution["error"]
    assert all("resumedAt" in output for output in execution["output"])
    assert 3000 <= execution["by_id"]["each"]["durationMs"] < 15_000  # one after another takes 17 s


@pytest.mark.usefixtures("clock")
def test_each_item_may_have_a_child(traveller: Traveller) -> None:
    double = traveller.workflow(value("twice", "${{ input * 2 }}"))
    step = {"id": "each", "type": "workflow", "with": {"workflowId": double, "input": "${{ item }}"}}

    execution = traveller.run(step | {"forEach": "${{ input }}"}, input=[1, 2, 3])

    assert (execution["status"], execution["output"]) == ("completed", [2, 4, 6])
    assert len(execution["children"]) == 3


def test_while_a_step_waits_for_long_the_items_of_another_go_on(
    traveller: Traveller, upstream: Record
) -> None:
    execution_id = traveller.trigger(
        traveller.workflow(
            {"id": "approval", "type": "waitForSignal", "needs": []},
            call("before", f"{upstream.url}/before?wait=0.4", needs=[]),
            call("calls", f"{upstream.url}/item", forEach="${{ input.three }}", needs=["before"]),
            value("plain", "${{ item }}", forEach="${{ input.many }}", needs=["calls"]),
            value("told", "${{ steps.calls.output.length + steps.plain.output.length }}", needs=["plain"]),
        ),
        {"three": [1, 2, 3], "many": list(range(900))},
    )

    seen = traveller.until(execution_id, "told", "completed")

    assert seen["by_id"]["told"]["output"] == 903
    assert seen["by_id"]["approval"]["status"] == "waiting"
    traveller.cancel(execution_id)


def test_outputs_of_items_that_are_too_large_together_fail_the_step(traveller: Traveller) -> None:
    execution = traveller.run(value("each", "${{ 'x'.repeat(3e6) }}", forEach="${{ [1, 2] }}"))

    assert execution["status"] == "failed"
    assert "5 MiB" in execution["error"]

"""forEach, code and fail."""

from typing import Any

import pytest

from tests.journeys.traveller import Traveller, call, value
from tests.journeys.upstream import Record

pytestmark = pytest.mark.usefixtures("worker")


def items_of(traveller: Traveller, execution: dict[str, Any], step_id: str) -> list[dict[str, Any]]:
    """Give a step's items."""
    path = f"{traveller.api.space}/executions/{execution['id']}/steps/{step_id}/items"
    found: list[dict[str, Any]] = traveller.api.get(path).get_json()["data"]
    return found


def test_a_step_is_done_for_each_item_in_order(traveller: Traveller) -> None:
    execution = traveller.run(
        value("each", {"n": "${{ item * 2 }}", "at": "${{ index }}"}, forEach="${{ input }}"), input=[1, 2, 3]
    )

    assert execution["output"] == [{"n": 2, "at": 0}, {"n": 4, "at": 1}, {"n": 6, "at": 2}]
    assert execution["by_id"]["each"]["items"] == {"total": 3, "completed": 3, "failed": 0}
    assert [item["output"]["n"] for item in items_of(traveller, execution, "each")] == [2, 4, 6]


def test_a_thousand_plain_items_and_none_at_all(traveller: Traveller) -> None:
    many = traveller.run(value("each", "${{ item }}", forEach="${{ input }}"), input=list(range(1000)))
    none = traveller.run(value("each", "${{ item }}", forEach="${{ input }}"), input=[])

    assert many["output"] == list(range(1000))
    assert none["output"] == []


def test_calls_for_items_go_out_together_and_have_keys_of_their_own(
    traveller: Traveller, upstream: Record
) -> None:
    step = call("each", f"{upstream.url}/item?wait=0.1", forEach="${{ input }}", forEachConcurrency=20)

    execution = traveller.run(step, input=list(range(40)))

    assert execution["status"] == "completed"
    assert set(upstream.keys_of("/item")) == {f"{execution['id']}:each:{index}" for index in range(40)}


def test_an_item_that_fails_for_good_fails_the_step(traveller: Traveller) -> None:
    execution = traveller.run(value("each", "${{ item.a.b }}", forEach="${{ input }}"), input=[{"a": {}}, {}])

    assert (execution["status"], execution["by_id"]["each"]["status"]) == ("failed", "failed")
    assert "Item 1" in execution["error"]


def test_with_continue_a_failed_item_is_null_and_counted(traveller: Traveller) -> None:
    step = value("each", "${{ item.a.b }}", forEach="${{ input }}", onError="continue")

    execution = traveller.run(step, input=[{"a": {"b": 1}}, {}])

    each = execution["by_id"]["each"]
    assert (execution["status"], execution["output"]) == ("completed", [1, None])
    assert (each["status"], each["error"]) == ("completed", "1 of 2 items failed")
    assert [item["status"] for item in items_of(traveller, execution, "each")] == ["completed", "failed"]


def test_each_item_is_retried_by_itself(traveller: Traveller, upstream: Record) -> None:
    step = call(
        "each",
        upstream.url + "/${{ item }}?fail=1",
        forEach="${{ input }}",
        retry={"attempts": 2, "backoffSeconds": 0.01},
    )

    execution = traveller.run(step, input=["a", "b"])

    assert [item["attempt"] for item in items_of(traveller, execution, "each")] == [2, 2]


def test_what_is_no_list_fails_the_step_and_a_false_condition_asks_for_none(traveller: Traveller) -> None:
    bad = traveller.run(value("each", 1, forEach="${{ input }}"), input=7)
    skipped = traveller.run(value("each", 1, forEach="${{ input.none }}", **{"if": "${{ false }}"}))

    assert (bad["status"], "list" in bad["error"]) == ("failed", True)
    assert skipped["by_id"]["each"]["status"] == "skipped"


def test_code_returns_its_value_and_logs(traveller: Traveller) -> None:
    source = "console.log('n is', input.n); const d = Date.now(); return {n: input.n + 1, d: d > 0}"

    execution = traveller.run({"id": "js", "type": "code", "with": {"source": source}}, input={"n": 1})

    assert execution["output"] == {"n": 2, "d": True}
    path = f"{traveller.api.space}/executions/{execution['id']}/steps/js/logs"
    assert "n is 1" in traveller.api.get(path).get_json()["data"][0]["message"]


@pytest.mark.parametrize("source", ["throw new Error('oh no')", "while (true) {}", "return [].a.b"])
def test_code_that_goes_wrong_fails_its_step(traveller: Traveller, source: str) -> None:
    execution = traveller.run({"id": "js", "type": "code", "timeoutSeconds": 1, "with": {"source": source}})

    assert execution["status"] == "failed"
    assert execution["error"].startswith("The step 'js' failed: ")


def test_fail_ends_the_execution_whatever_on_error_says(traveller: Traveller) -> None:
    step = {"id": "no", "type": "fail", "with": {"message": "no ${{ input.what }}"}, "onError": "continue"}

    execution = traveller.run(step, value("b", 1), input={"what": "luck"})

    assert (execution["status"], execution["reason"]) == ("failed", "step_failed")
    assert "no luck" in execution["error"]

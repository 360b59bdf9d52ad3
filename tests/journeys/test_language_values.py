"""Expressions and code: what steps see of one another, what goes wrong, and what is out of reach."""

from typing import Any

import pytest

from tests.journeys.traveller import Traveller, call, value
from tests.journeys.upstream import Record

pytestmark = pytest.mark.usefixtures("worker")


def code(source: str, step_id: str = "js", **more: Any) -> dict[str, Any]:
    """Write a code step."""
    return {"id": step_id, "type": "code", "with": {"source": source}, **more}


def refused(traveller: Traveller, *steps: dict[str, Any], **more: Any) -> list[str]:
    """Give the paths of the faults with which a definition is refused."""
    body = {"name": "A journey", "definition": {"steps": list(steps), **more}}
    reply = traveller.api.post(f"{traveller.api.space}/workflows", body)
    assert (reply.status_code, reply.get_json()["code"]) == (422, "invalid_definition")
    return [fault["path"] for fault in reply.get_json()["errors"]]


@pytest.mark.parametrize("seen", ["${{ steps.gone }}", "${{ JSON.parse(JSON.stringify(steps.gone)) }}"])
@pytest.mark.parametrize(
    ("gone", "status"),
    [
        (value("gone", 1, **{"if": "${{ false }}"}), "skipped"),
        (value("gone", "${{ input.a.b }}", onError="continue"), "failed"),
    ],
)
def test_the_output_of_a_skipped_or_failed_step_is_null(
    traveller: Traveller, gone: dict[str, Any], status: str, seen: str
) -> None:
    execution = traveller.run(value("first", 0), gone, value("after", seen, needs=["first", "gone"]))

    assert execution["status"] == "completed", execution["error"]
    assert (execution["output"]["output"], execution["output"]["status"]) == (None, status)
    assert (execution["output"]["error"] is None) == (status == "skipped")


@pytest.mark.parametrize(
    ("expression", "path"),
    [
        ("input.order.lines[0].price", "input.order"),
        ("input.list[5].x", "input.list[5]"),
        ("input.no.x", "input.no"),
        ("steps.first.output.a.b", "steps.first.output.a"),
        ("1 + input.order.price", "input.order"),
    ],
)
def test_a_member_of_nothing_fails_the_step_and_names_the_path(
    traveller: Traveller, expression: str, path: str
) -> None:
    execution = traveller.run(
        value("first", {}), value("second", f"${{{{ {expression} }}}}"), input={"list": [], "no": None}
    )

    assert (execution["status"], execution["reason"]) == ("failed", "step_failed")
    assert path in execution["by_id"]["second"]["error"]


def test_what_json_has_no_word_for_is_null(traveller: Traveller) -> None:
    execution = traveller.run(
        value(
            "nan", {"a": "${{ 0 / 0 }}", "b": "${{ [1 / 0, -1 / 0, undefined] }}", "c": "${{ input.none }}"}
        ),
        code("return {n: NaN, list: [Infinity], none: undefined}"),
        value("both", ["${{ steps.nan.output }}", "${{ steps.js.output }}", "<${{ input.none }}>"]),
    )

    first, second, text = execution["output"]
    assert first == {"a": None, "b": [None, None, None], "c": None}
    assert (second["n"], second["list"], text) == (None, [None], "<>")


def test_in_text_objects_are_json_and_alone_values_keep_their_type(traveller: Traveller) -> None:
    execution = traveller.run(
        value("all", {"text": "a ${{ input.o }} b ${{ input.n }}", "alone": "${{ input.o }}", "in": "}}"}),
        input={"o": {"x": [1]}, "n": None},
    )

    assert execution["output"] == {"text": 'a {"x":[1]} b ', "alone": {"x": [1]}, "in": "}}"}


def test_an_expression_ends_where_it_is_whole(traveller: Traveller) -> None:
    execution = traveller.run(value("all", "${{ {a: {b: '}}'}} }} and ${{ '}' + '}' }}"))

    assert execution["output"] == '{"a":{"b":"}}"}} and }}'


def test_expressions_know_their_execution_and_its_attempt(traveller: Traveller) -> None:
    execution = traveller.run(value("all", "${{ execution }}"), value("trigger", "${{ trigger }}", needs=[]))

    assert execution["by_id"]["all"]["output"] == {
        "id": execution["id"],
        "createdAt": execution["createdAt"],
        "triggeredBy": "api",
        "attempt": 1,
    }
    assert execution["by_id"]["trigger"]["output"] == execution["trigger"]


@pytest.mark.parametrize("source", ["Date.now()", "new Date()", "Math.random()", "Date()"])
def test_clock_and_chance_throw_in_expressions_and_work_in_code(traveller: Traveller, source: str) -> None:
    execution = traveller.run(
        value("no", f"${{{{ String({source}) }}}}", onError="continue"), code(f"return String({source})")
    )

    assert [step["status"] for step in execution["steps"]] == ["failed", "completed"]


@pytest.mark.parametrize(
    "source",
    [
        "(() => { while (true) {} })()",
        "Array.prototype.reverse.call({length: 2 ** 53 - 1})",
        "/(a+)+b/.test('a'.repeat(40))",
        "'x'.repeat(2 ** 29).split('')",
        "(function f() { return f() + 1 })()",
        "Array(2 ** 26).fill(0).map(n => [n])",
    ],
)
def test_a_hostile_expression_fails_its_own_step_alone(traveller: Traveller, source: str) -> None:
    bystander = traveller.workflow(value("a", "${{ input.n.toFixed(1) }}"))
    hostile = traveller.trigger(traveller.workflow(value("bad", f"${{{{ {source} }}}}")))
    others = traveller.trigger_many(bystander, [{"n": n} for n in range(10)])

    execution = traveller.finished(hostile)

    assert (execution["status"], execution["reason"]) == ("failed", "step_failed"), execution["output"]
    assert {traveller.finished(other)["output"] for other in others} == {f"{n}.0" for n in range(10)}


@pytest.mark.parametrize(
    "name",
    ["fetch", "require", "process", "std", "os", "XMLHttpRequest", "WebSocket", "setTimeout", "secrets"],
)
def test_code_finds_nothing_that_leads_outside(traveller: Traveller, name: str) -> None:
    execution = traveller.run(code(f"return [typeof {name}, typeof globalThis[{name!r}]]"))

    assert execution["output"] == ["undefined", "undefined"]


@pytest.mark.parametrize("source", ["return import('fs')", "import fs from 'fs'; return 1", "return await 1"])
def test_code_can_import_nothing(traveller: Traveller, source: str) -> None:
    body = {"name": "A journey", "definition": {"steps": [code(source)]}}

    reply = traveller.api.post(f"{traveller.api.space}/workflows", body)

    if reply.status_code == 201:
        execution = traveller.finished(traveller.trigger(reply.get_json()["id"]))
        assert (execution["status"], execution["reason"]) == ("failed", "step_failed"), execution["output"]
    else:
        assert reply.status_code == 422


def test_code_sees_the_items_of_its_list(traveller: Traveller) -> None:
    execution = traveller.run(
        value("first", 10),
        code("return [item.n + steps.first.output, index, input.length]", forEach="${{ input }}"),
        input=[{"n": 1}, {"n": 2}],
    )

    assert execution["status"] == "completed", execution["error"]
    assert execution["output"] == [[11, 0, 2], [12, 1, 2]]


def test_what_code_changes_it_changes_for_itself_alone(traveller: Traveller) -> None:
    execution = traveller.run(
        code("input.n = 2; Object.prototype.evil = 1; Array.prototype.map = null; return 1"),
        value("after", ["${{ input.n }}", "${{ [1].map(n => ({}).evil === undefined) }}"]),
        input={"n": 1},
    )

    assert execution["output"] == [1, [True]]


def test_code_may_take_more_memory_than_an_expression_and_no_more_than_its_own(traveller: Traveller) -> None:
    source = "'x'.repeat({n} * 2 ** 20).length"

    execution = traveller.run(
        value("small", f"${{{{ {source.format(n=80)} }}}}", onError="continue"),
        code(f"return {source.format(n=80)}", "fits"),
        code(f"return {source.format(n=160)}", "greedy", onError="continue"),
    )

    assert [step["status"] for step in execution["steps"]] == ["failed", "completed", "failed"]
    assert execution["by_id"]["fits"]["output"] == 80 * 2**20


def test_the_log_of_a_step_has_a_limit(traveller: Traveller) -> None:
    execution = traveller.run(code("for (let n = 0; n < 5000; n++) console.log('line', n); return 1"))

    path = f"{traveller.api.space}/executions/{execution['id']}/steps/js/logs"
    reply = traveller.api.get(f"{path}?limit=200").get_json()
    lines = reply["data"]
    while reply["nextCursor"]:
        reply = traveller.api.get(f"{path}?limit=200&cursor={reply['nextCursor']}").get_json()
        lines += reply["data"]
    assert execution["status"] == "completed"
    assert 900 < len(lines) <= 1000
    assert lines[0]["message"] == "line 0"


def test_output_left_out_is_that_of_the_last_listed_step_that_completed(
    traveller: Traveller, upstream: Record
) -> None:
    execution = traveller.run(
        call("slow", f"{upstream.url}/slow?wait=0.2&after=/fast", needs=[]),
        call("listed_later", f"{upstream.url}/fast", needs=[]),
        value("skipped", 3, needs=[], **{"if": "${{ false }}"}),
        value("failed", "${{ input.a.b }}", needs=[], onError="continue"),
    )

    assert execution["output"]["body"]["path"] == "/fast"


def test_without_any_completed_step_the_output_is_null(traveller: Traveller) -> None:
    execution = traveller.run(value("a", 1, **{"if": "${{ input.go }}"}))

    assert (execution["status"], execution["output"]) == ("completed", None)


def test_an_input_must_fit_the_input_schema(traveller: Traveller) -> None:
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "minimum": 1}}}
    workflow_id = traveller.workflow(value("a", "${{ input.n }}"), inputSchema=schema)
    replies = [
        traveller.api.post(
            f"{traveller.api.space}/executions", {"workflowId": workflow_id, "input": given}
        ).status_code
        for given in ({"n": 1}, {"n": 0}, {}, [])
    ]

    assert replies == [202, 422, 422, 422]


@pytest.mark.parametrize(
    ("step", "path"),
    [
        (value("a", "${{ nothing.x }}"), "steps[0].with.value"),
        (value("a", "${{ steps.b.output }}"), "steps[0].with.value"),
        (value("a", 1, needs=["a"]), "steps[0].needs"),
        (value("a", "${{ 1 + }}"), "steps[0].with.value"),
        (value("prototype", 1), "steps[0].id"),
        (code("return (", "a"), "steps[0].with.source"),
        ({"id": "a", "type": "wait", "with": {"seconds": 365 * 86_400 + 1}}, "steps[0].with.seconds"),
        ({"id": "a", "type": "waitForSignal", "timeoutSeconds": 365 * 86_400 + 1}, "steps[0].timeoutSeconds"),
    ],
)
def test_what_is_wrong_is_found_on_saving(traveller: Traveller, step: dict[str, Any], path: str) -> None:
    assert refused(traveller, step) == [path]

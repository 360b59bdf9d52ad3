"""Graphs: what compiles to what, and all that is refused, with its place."""

import time

import pytest

from app.engine.graph import compile_graph
from app.engine.graph_order import reach_of, rings_of
from app.engine.retry import RetryPolicy
from app.errors import InvalidDefinition


def transform(step_id, value=1, **fields):
    return {"id": step_id, "type": "transform", "with": {"value": value}, **fields}


def graph(*steps, **fields):
    return compile_graph({"steps": list(steps), **fields})


def faults(*steps, **fields):
    with pytest.raises(InvalidDefinition) as refused:
        graph(*steps, **fields)
    return [(fault.path, fault.message) for fault in refused.value.faults]


def test_the_example_of_the_documentation_compiles():
    fetch = {
        "id": "fetch",
        "type": "http",
        "with": {"url": "https://api.example.com/orders/${{ input.orderId }}"},
        "retry": {"attempts": 3},
        "timeoutSeconds": 10,
    }
    alert = {
        "id": "alert",
        "type": "http",
        "if": "${{ steps.fetch.output.body.total > 100 }}",
        "with": {
            "method": "POST",
            "url": "https://hooks.example.com/vip",
            "auth": {"bearer": "${{ secrets.HOOK }}"},
            "json": {"order": "${{ input.orderId }}"},
        },
    }
    summary = transform(
        "summary", {"vip": "${{ steps.alert.status == 'completed' }}"}, needs=["fetch", "alert"]
    )

    compiled = graph(fetch, alert, summary, output="${{ steps.summary.output }}", timeoutSeconds=600)

    first, second, third = compiled.steps
    assert (first.needs, first.dependents) == ((), ("alert", "summary"))
    assert (second.needs, second.dependents) == (("fetch",), ("summary",))
    assert (first.timeout_seconds, second.timeout_seconds, third.timeout_seconds) == (10, 30, 10)
    assert first.retry == RetryPolicy(attempts=3)
    assert (first.effect, third.effect) == (True, False)
    assert (first.program.plain, second.program.plain) == (True, False)
    assert compiled.secrets == {"HOOK"}
    assert compiled.timeout_seconds == 600
    assert compiled.output.plain
    assert compiled.by_id["alert"] is second


def test_needs_left_out_is_the_step_before_and_an_empty_list_is_none():
    compiled = graph(transform("a"), transform("b"), transform("c", needs=[]), transform("d"))

    assert [step.needs for step in compiled.steps] == [(), ("a",), (), ("c",)]


def test_late_steps_need_nothing_are_passed_over_and_may_refer_to_all():
    compiled = graph(
        transform("a"),
        transform("sorry", "${{ steps.b.error }}", runOn="failure"),
        transform("b"),
        transform("bye", "${{ steps.sorry.status }}", runOn="always", needs=["sorry", "a"]),
    )

    assert compiled.by_id["b"].needs == ("a",)
    assert compiled.by_id["sorry"].needs == ()
    assert compiled.by_id["bye"].needs == ("sorry",)
    assert [warning.path for warning in compiled.warnings] == ["steps[3].needs"]


def test_for_each_asks_the_condition_once_before_the_list():
    step = transform("a", "${{ item.n + index }}", forEach="${{ input.rows }}", **{"if": "${{ input.on }}"})

    [compiled] = graph(step).steps

    scope = {"input": {"rows": [1, 2], "on": True}}
    assert compiled.for_each.resolve(scope) == [1, 2]
    assert compiled.program.condition is None
    assert compiled.for_each_concurrency == 10


def test_reading_steps_without_an_id_gives_those_in_reach():
    compiled = graph(
        transform("a"), transform("b", needs=[]), transform("c", "${{ Object.keys(steps) }}", needs=["a"])
    )

    assert compiled.by_id["c"].program.reach == ("a",)


def test_a_retry_that_never_happens_is_a_warning():
    compiled = graph(transform("a", retry={}))

    assert [warning.path for warning in compiled.warnings] == ["steps[0].retry"]


@pytest.mark.parametrize(
    ("steps", "path", "message"),
    [
        ([transform("a"), transform("a")], "steps[1].id", "another step a"),
        ([transform("1a")], "steps[0].id", "letter"),
        ([transform("a" * 64)], "steps[0].id", "63"),
        ([transform("a\n")], "steps[0].id", "letter"),
        ([transform("__proto__")], "steps[0].id", "reserved"),
        ([transform("constructor")], "steps[0].id", "reserved"),
        ([{"id": "a", "type": "transfrom"}], "steps[0].type", "did you mean transform?"),
        ([{"id": "a", "type": "transform"}], "steps[0].with.value", "Is missing: give any value"),
        ([transform("a", needs=["b"])], "steps[0].needs", "no step b"),
        ([transform("a", needs=["a"])], "steps[0].needs", "itself"),
        ([transform("a", needs=["z"]), transform("z", runOn="always")], "steps[0].needs", "comes after all"),
        ([transform("a", needs=["b"]), transform("b", needs=["a"])], "steps[0].needs", "a → b → a"),
        (
            [transform("a", "${{ steps.fetsh.output }}"), transform("fetch")],
            "steps[0].with.value",
            "mean fetch?",
        ),
        ([transform("a", "${{ steps.b.output }}"), transform("b")], "steps[0].with.value", "comes after"),
        ([transform("a", "${{ steps.a.output }}")], "steps[0].with.value", "itself"),
        ([transform("a", {"x": ["${{ 1 + }}"]})], "steps[0].with.value.x[0]", "line 1, column"),
        ([transform("a", "${{ item }}")], "steps[0].with.value", "forEach"),
        ([transform("a", "${{ secrets.A }}")], "steps[0].with.value", "http steps"),
        ([transform("a", **{"if": "input.x"})], "steps[0].if", "one expression"),
        ([transform("a", **{"if": "${{ input.x }} && ${{ input.y }}"})], "steps[0].if", "one expression"),
        ([transform("a", **{"if": 5})], "steps[0].if", "expression"),
        ([transform("a", **{"if": "${{ item }}"})], "steps[0].if", "forEach"),
        ([transform("a", forEach="input.x")], "steps[0].forEach", "one expression"),
        ([transform("a", forEach=5)], "steps[0].forEach", "list"),
        ([transform("a", retry={"attempts": 21})], "steps[0].retry.attempts", "20"),
        ([transform("a", retry={"attempts": "3"})], "steps[0].retry.attempts", "whole number"),
        (
            [transform("a", retry={"tries": 3})],
            "steps[0].retry.tries",
            "no field tries here; there are attempts, backoff",
        ),
        ([transform("a", timeoutSeconds=0)], "steps[0].timeoutSeconds", "more than 0"),
        ([transform("a", onError="ignore")], "steps[0].onError", "fail, continue"),
        ([transform("a", runOn="never")], "steps[0].runOn", "always"),
        (
            [transform("a", wiht={})],
            "steps[0].wiht",
            "no field wiht here (did you mean with?); there are id, type",
        ),
        ([{"id": "a", "type": "transform", "with": 5}], "steps[0].with", "object"),
        ([{"id": "a", "type": "http", "with": {"url": 5}}], "steps[0].with.url", "text"),
        (
            [
                {
                    "id": "a",
                    "type": "http",
                    "with": {"url": "http://x/", "maxResponseBytes": "1${{ input.n }}"},
                }
            ],
            "steps[0].with.maxResponseBytes",
            "always text",
        ),
        (
            [
                {
                    "id": "a",
                    "type": "http",
                    "with": {"url": "https://${{ input.h }}/", "auth": {"bearer": "${{ secrets.A }}"}},
                }
            ],
            "steps[0].with.url",
            "written out",
        ),
        ([5], "steps[0]", "object"),
        ([], "steps", "from 1 to 200"),
        ([transform(f"s{n}") for n in range(201)], "steps", "from 1 to 200"),
        ([transform("a", "x" * 262_144)], "", "262144"),
        ([transform("a", "é" * 131_072)], "", "262144"),
    ],
)
def test_what_is_wrong_with_a_step_is_said_with_its_place(steps, path, message):
    found = faults(*steps)

    assert [where for where, _ in found] == [path]
    assert message in found[0][1]


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ({"output": "${{ steps.b.output }}"}, "output", "no step b"),
        ({"output": "${{ 1 + }}"}, "output", "line 1"),
        ({"output": "${{ secrets.A }}"}, "output", "http"),
        ({"timeoutSeconds": -1}, "timeoutSeconds", "more than 0"),
        ({"timeoutSeconds": True}, "timeoutSeconds", "number"),
        ({"onFailure": {"workflowId": "x"}}, "onFailure.workflowId", "Must be the id of a workflow"),
        ({"onFailure": {}}, "onFailure.workflowId", "Is missing: give the id of a workflow"),
        ({"name": "x"}, "name", "There is no field name here; there are steps, output"),
        ({"inputSchema": 5}, "inputSchema", "JSON Schema"),
        ({"inputSchema": {"type": "strin"}}, "inputSchema.type", "strin"),
        (
            {"inputSchema": {"properties": {"a": {"pattern": "x"}}}},
            "inputSchema.properties.a.pattern",
            "supported",
        ),
        ({"inputSchema": {"patternProperties": {}}}, "inputSchema.patternProperties", "supported"),
        ({"inputSchema": {"$ref": "https://example.com/s"}}, "inputSchema.$ref", "may only point"),
        ({"inputSchema": {"x": {"pattern": "(a+)+"}, "$ref": "#/x"}}, "inputSchema.$ref", "may only point"),
        ({"inputSchema": {"items": {"$id": "https://example.com/"}}}, "inputSchema.items.$id", "top"),
        (
            {"inputSchema": {"$schema": "http://json-schema.org/draft-07/schema#"}},
            "inputSchema.$schema",
            "2020-12",
        ),
    ],
)
def test_what_is_wrong_with_the_rest_is_said_with_its_place(fields, path, message):
    found = faults(transform("a"), **fields)

    assert [where for where, _ in found] == [path]
    assert message in found[0][1]


@pytest.mark.parametrize("definition", [None, 5, [], "x", {}, {"steps": None}, {"steps": 5}, {"steps": {}}])
def test_what_is_no_definition_at_all_is_refused(definition):
    with pytest.raises(InvalidDefinition):
        compile_graph(definition)


def test_all_faults_are_found_at_once():
    found = faults(
        {"id": "a", "type": "htpp", "zz": 1},
        {"id": "b", "type": "http", "with": {"url": 5, "nope": 1}},
        transform("c", "${{ steps.nope.output }}", needs=["zz"]),
        transform("d", "${{ a + }}", retry={"attempts": 0}),
        output="${{ steps.q.output }}",
    )

    assert sorted(path for path, _ in found) == [
        "output",
        "steps[0].type",
        "steps[0].zz",
        "steps[1].with.nope",
        "steps[1].with.url",
        "steps[2].needs",
        "steps[2].with.value",
        "steps[3].retry.attempts",
        "steps[3].with.value",
    ]


def test_two_hundred_steps_compile_quickly():
    steps = [
        {
            "id": f"s{n}",
            "type": "http",
            "if": "${{ input.a > 1 && input.b.c }}",
            "with": {"url": "https://a.b/${{ input.x }}", "json": {"a": "${{ input.list.map(x => x.y) }}"}},
        }
        for n in range(200)
    ]

    times = [_seconds(lambda: graph(*steps)) for _ in range(5)]

    assert min(times) < 0.5


def _seconds(act):
    start = time.thread_time()
    act()
    return time.thread_time() - start


def test_a_long_chain_needs_no_recursion():
    needs = {f"s{n}": (f"s{n + 1}",) for n in range(5000)} | {"s5000": ()}

    assert rings_of(needs) == []
    assert len(reach_of({key: needs[key] for key in list(needs)[-1500:]})["s4000"]) == 1000


def test_a_ring_is_found_anywhere():
    needs = {"a": (), "b": ("a",), "c": ("b", "e"), "d": ("c",), "e": ("d",)}

    assert rings_of(needs) == [["c", "e", "d", "c"]]

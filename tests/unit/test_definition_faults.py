"""What is wrong or doubtful in a definition is told when it is saved, in sentences that say what to do."""

from typing import Any

import pytest

from app.engine.graph import compile_graph
from app.errors import InvalidDefinition

Json = Any


def value(step_id: str, given: Json = 1, **fields: Json) -> dict[str, Json]:
    return {"id": step_id, "type": "transform", "with": {"value": given}, **fields}


def code(source: str, **fields: Json) -> dict[str, Json]:
    return {"id": "code", "type": "code", "with": {"source": source}, **fields}


def http(**args: Json) -> dict[str, Json]:
    return {"id": "call", "type": "http", "with": {"url": "https://h.example/", **args}}


def faults(*steps: Json, **fields: Json) -> list[tuple[str, str]]:
    """Give path and message of all that is wrong."""
    try:
        compile_graph({"steps": list(steps), **fields})
    except InvalidDefinition as refused:
        return [(fault.path, fault.message) for fault in refused.faults]
    return []


def doubts(source: str, **fields: Json) -> list[tuple[str, str]]:
    """Give path and message of what is doubtful in code behind the steps `a` and `b`."""
    compiled = compile_graph({"steps": [value("a"), value("b"), code(source, **fields)]})
    return [(warning.path, warning.message) for warning in compiled.warnings]


# -- code --


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("return steps.nope.output", "There is no step nope; in reach are a."),
        ("return steps['nope']?.status", "There is no step nope"),
        ("return `${steps.nope.output}`", "There is no step nope"),
        ("return input ? steps.nope : 1", "There is no step nope"),
        ("return [1].map(item => steps.nope.output + item)", "There is no step nope"),
        ("return steps.a.output/2/steps.nope.output", "There is no step nope"),
        ("return steps.z.output", "z comes after this step, so this one cannot read it"),
        ("return steps.code.output", "cannot refer to itself"),
        ("\n  return secrets.TOKEN", "line 2, column 10: Secrets can only stand"),
        ("return item.name", "line 1, column 8: item is only there with forEach."),
    ],
)
def test_code_that_surely_names_what_is_not_there_is_refused(source: str, message: str) -> None:
    [(path, said)] = faults(value("a"), code(source), value("z"))

    assert path == "steps[1].with.source"
    assert message in said


@pytest.mark.parametrize(
    "source",
    [
        "return steps.a.output",
        "return Object.keys(steps)",
        "return Object.keys(steps).map(id => steps[id].output)",
        "const steps = {own: 1}; return steps.own",
        "const {steps} = input; return steps.own",
        "const {a: steps} = input; return steps.own",
        "var x = 1, steps = {}; return steps.own",
        "let [steps] = [{}]; return steps.own",
        "return (steps => steps.own)({})",
        "return ((a, steps) => steps.own)(1, {})",
        "function own(steps) { return steps.own } return own({})",
        "return {own(steps) { return steps.own }}.own({})",
        "try { throw {} } catch (steps) { return steps.own }",
        "for (const steps of [{}]) return steps.own",
        "class A { steps() { return 1 } } return new A().steps()",
        "steps = {own: 1}; return steps.own",
        "steps.own = 1; return steps.own",
        "steps.own ??= 1; return steps.own",
        "[steps.own] = [1]; return steps.own",
        "({x: steps.own} = {x: 1}); return steps.own",
        "for (steps.own of [1]); return steps.own",
        "const f = {steps: {own: 1}}; return f.steps.own",
        "if (input) /steps.own/.test('x'); return 1",
        "return 'steps.own' + `steps.own`",
        "// steps.own\nreturn 1 /* secrets.X */",
        "return typeof secrets",
        "const secrets = {X: 1}; return secrets.X",
        "return [{name: 1}].map(item => item.name)",
        "const \\u0061 = 1; return steps.own",
    ],
)
def test_code_that_may_mean_names_of_its_own_is_saved(source: str) -> None:
    assert faults(value("a"), code(source)) == []


def test_code_for_items_may_name_them() -> None:
    assert faults(code("return item.name + index", forEach="${{ input }}")) == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("return fetch('https://h.example/')", "line 1, column 8: There is no name fetch here"),
        ("consloe.log(1)", "There is no name consloe here (did you mean console?)"),
        ("return require('fs').readFileSync('x')", "no network, files, modules or timers"),
        ("return steps.a.outptu", "A step has output, status and error, but no outptu."),
    ],
)
def test_what_is_probably_wrong_in_code_is_a_warning(source: str, message: str) -> None:
    [(path, said)] = doubts(source, needs=["a"])

    assert path == "steps[2].with.source"
    assert message in said


@pytest.mark.parametrize(
    "source",
    [
        "console.log(Math.max(1), JSON.parse('1'), new Date(), performance.now()); return new Map()",
        "function fetch(x) { return x } return fetch(1)",
        "const fetch = x => x; return fetch(1)",
        "return {fetch(x) { return x }}.fetch(1)",
        "globalThis.fetch = x => x; return fetch(1)",
        "return typeof fetch",
        "loop: for (;;) { break loop }",
    ],
)
def test_nothing_is_said_of_names_that_code_has(source: str) -> None:
    assert doubts(source) == []


# -- if, forEach and keys --


@pytest.mark.parametrize("condition", [True, False, 1, None, "true", "x ${{ input.a }}"])
def test_if_that_is_no_expression_is_refused_with_an_example(condition: Json) -> None:
    [(path, said)] = faults(value("a", **{"if": condition}))

    assert path == "steps[0].if"
    assert "${{ input.total > 100 }}" in said


@pytest.mark.parametrize("items", [[1, 2], {}, 5, None, "[1, 2]", "x ${{ input }}"])
def test_for_each_that_is_no_expression_is_refused_with_an_example(items: Json) -> None:
    [(path, said)] = faults(value("a", forEach=items))

    assert path == "steps[0].forEach"
    assert "${{ input.orders }}" in said


def test_a_list_that_is_always_the_same_may_stand_in_an_expression() -> None:
    assert faults(value("a", "${{ item }}", forEach="${{ [1, 2] }}", **{"if": "${{ true }}"})) == []


def test_an_expression_in_a_key_is_refused_with_another_way() -> None:
    found = faults(
        value("a", [{"${{ input.name }}": 1, "b": {"x ${{ input.name }}": 2}}]),
        http(headers={"X-${{ input.name }}": "v"}, json={"${{ input.name }}": 1}),
        output={"${{ input.name }}": 1},
    )

    assert [path for path, _ in found] == [
        "steps[0].with.value[0].${{ input.name }}",
        "steps[0].with.value[0].b.x ${{ input.name }}",
        "steps[1].with.headers.X-${{ input.name }}",
        "steps[1].with.json.${{ input.name }}",
        "output.${{ input.name }}",
    ]
    assert {message for _, message in found} == {
        "An expression can only stand in a value, not in a key: make the object in one expression,"
        " as in ${{ ({[input.name]: 1}) }}."
    }


def test_the_way_that_is_named_instead_of_a_key_with_an_expression_can_be_saved() -> None:
    assert faults(value("a", "${{ ({[input.name]: 1}) }}")) == []


@pytest.mark.parametrize(
    "written", ["${{ secrets.A }}", "P${{ secrets.A }}", "${{ input.m }}${{ secrets.A }}"]
)
def test_a_method_cannot_be_a_secret(written: str) -> None:
    assert faults(http(method=written)) == [
        ("steps[0].with.method", "A method cannot be a secret: write it out.")
    ]


# -- headers --


@pytest.mark.parametrize(
    "written", ["a\r\nB: c", "a\nb", "a\0b", "a\n${{ input.x }}", "${{ secrets.A }}\n\nb"]
)
def test_a_header_that_no_request_can_carry_is_refused_when_it_is_saved(written: str) -> None:
    found = faults(
        http(headers={"X-A": written, "X-B": "fine"}), http(auth={"bearer": written}) | {"id": "b"}
    )

    assert [path for path, _ in found] == ["steps[0].with.headers.X-A", "steps[1].with.auth.bearer"]
    assert {message for _, message in found} == {"Must not hold a line break or another control character."}


@pytest.mark.parametrize("name", ["a b", "A:", "A\r\nB", "", "é", "Host", "Content-Length"])
def test_a_header_name_that_no_request_can_carry_is_refused_when_it_is_saved(name: str) -> None:
    [(path, _)] = faults(http(headers={name: "v"}))

    assert path == f"steps[0].with.headers.{name}"


# -- sentences --


def test_all_faults_are_told_at_once_each_with_what_is_expected() -> None:
    found = faults(
        {"id": 5, "type": None, "nam": "x", "needs": [None], "retry": {"attempt": 2}, "with": 5},
        http(metod="GET", json=1, body=2, auth={"basic": {}}),
        {"type": "wait", "with": {"until": "soon"}},
        onfailure={},
        onFailure={"workflowId": None},
    )

    assert dict(found) == {
        "steps[0].id": "Must be a text.",
        "steps[0].type": "Must be a text, not null.",
        "steps[0].with": "Must be an object.",
        "steps[0].needs[0]": "Must be a text, not null.",
        "steps[0].retry.attempt": "There is no field attempt here (did you mean attempts?); there are"
        " attempts, backoffSeconds, factor, maxBackoffSeconds, jitter.",
        "steps[0].nam": "There is no field nam here (did you mean name?); there are id, type, name, with,"
        " needs, if, forEach, forEachConcurrency, retry, timeoutSeconds, onError, runOn.",
        "steps[1].with.metod": "There is no field metod here (did you mean method?); there are url, method,"
        " headers, query, json, form, body, auth, followRedirects, failOnStatus, maxResponseBytes.",
        "steps[1].with.auth.basic.username": "Is missing: give a text.",
        "steps[1].with": "Give only one of json, form and body.",
        "steps[2].id": "Is missing: give the step a name that no other has, such as fetch.",
        "steps[2].with.until": "Must be a time such as 2030-01-31T12:00:00Z.",
        "onFailure.workflowId": "Must be the id of a workflow, not null.",
        "onfailure": "There is no field onfailure here (did you mean onFailure?); there are steps, output,"
        " timeoutSeconds, inputSchema, onFailure.",
    }

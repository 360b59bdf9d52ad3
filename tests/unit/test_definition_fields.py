"""No field of a definition is without effect in silence: a warning says so, a refusal where it belongs."""

import time
from typing import Any

import pytest

from app.engine.graph import compile_graph
from app.errors import InvalidDefinition
from tests.unit.sandboxed import HERE, in_sandbox

Json = Any
WITH: dict[str, Json] = {
    "http": {"url": "https://h.example/"},
    "transform": {"value": 1},
    "code": {"source": "return 1"},
    "wait": {"seconds": 1},
    "waitForSignal": {},
    "workflow": {"workflowId": "01a203fc-6170-7947-82ba-8a19c79c87c6"},
    "fail": {"message": "no"},
    "task": {"name": "${{ input.task }}"},
}
COMMON: dict[str, Json] = {
    "name": "A step",
    "needs": [],
    "if": "${{ input.on }}",
    "forEach": "${{ input.list }}",
    "retry": {"attempts": 2},
    "timeoutSeconds": 5,
    "onError": "continue",
    "runOn": "always",
}
# Fields that do nothing for a type.
IDLE = {
    ("wait", "retry"),
    ("wait", "timeoutSeconds"),
    ("waitForSignal", "retry"),
    ("fail", "timeoutSeconds"),
    ("fail", "retry"),
    ("fail", "onError"),
    ("code", "retry"),
    ("transform", "retry"),
}


def step(kind: str, **fields: Json) -> dict[str, Json]:
    return {"id": "a", "type": kind, "with": WITH[kind], **fields}


def verdict(*steps: Json, **fields: Json) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Give path and message of all faults, and of all warnings."""
    try:
        graph = compile_graph({"steps": list(steps), **fields})
    except InvalidDefinition as refused:
        return [(fault.path, fault.message) for fault in refused.faults], []
    return [], [(warning.path, warning.message) for warning in graph.warnings]


@pytest.mark.parametrize("kind", WITH)
@pytest.mark.parametrize("field", COMMON)
def test_a_common_field_works_or_is_a_warning(kind: str, field: str) -> None:
    faults, warnings = verdict(step(kind, **{field: COMMON[field]}))

    assert faults == []
    assert [path for path, _ in warnings] == [f"steps[0].{field}"] * ((kind, field) in IDLE)


@pytest.mark.parametrize(
    ("given", "path", "message"),
    [
        (step("wait", timeoutSeconds=5), "timeoutSeconds", "it lasts as its seconds or until say"),
        (step("http", forEachConcurrency=3), "forEachConcurrency", "no items without forEach"),
        (
            step("workflow", timeoutSeconds=5) | {"with": WITH["workflow"] | {"wait": False}},
            "timeoutSeconds",
            "does not wait for the child",
        ),
    ],
)
def test_a_warning_says_why_a_field_does_nothing(given: Json, path: str, message: str) -> None:
    _, warnings = verdict(given)

    assert [where for where, _ in warnings] == [f"steps[0].{path}"]
    assert message in warnings[0][1]


@pytest.mark.parametrize(
    ("given", "path", "message"),
    [
        (step("http", url="https://h.example/"), "url", "url is a field of http: move it into with."),
        (step("transform", value=2), "value", "value is a field of transform: move it into with."),
        (
            step("http") | {"with": WITH["http"] | {"timeoutSeconds": 5}},
            "with.timeoutSeconds",
            "timeoutSeconds is a field of the step: move it out of with, beside type.",
        ),
        (
            step("waitForSignal") | {"with": {"timeoutSeconds": 5}},
            "with.timeoutSeconds",
            "timeoutSeconds is a field of the step",
        ),
    ],
)
def test_a_field_in_a_wrong_place_is_refused_with_where_it_belongs(
    given: Json, path: str, message: str
) -> None:
    faults, _ = verdict(given)

    assert [where for where, _ in faults] == [f"steps[0].{path}"]
    assert message in faults[0][1]


def test_a_child_that_is_waited_for_may_have_a_timeout_and_one_that_perhaps_is() -> None:
    perhaps = WITH["workflow"] | {"wait": "${{ input.wait }}"}

    assert verdict(step("workflow", timeoutSeconds=5)) == ([], [])
    assert verdict(step("workflow", timeoutSeconds=5) | {"with": perhaps}) == ([], [])


def test_a_first_pause_beyond_the_longest_is_a_warning() -> None:
    cut = step("http", retry={"backoffSeconds": 600})
    fine = step("http", retry={"backoffSeconds": 600, "maxBackoffSeconds": 600})

    assert [path for path, _ in verdict(cut)[1]] == ["steps[0].retry.backoffSeconds"]
    assert verdict(fine) == ([], [])


def test_the_timeout_of_a_transform_ends_its_expressions() -> None:
    endless = step("transform", timeoutSeconds=0.2) | {"with": {"value": "${{ (() => { for (;;) {} })() }}"}}
    [compiled] = compile_graph({"steps": [endless]}).steps

    async def evaluated(sandbox: Any) -> str:
        try:
            await compiled.program.evaluate({}, sandbox, HERE)
        except Exception as failed:  # noqa: BLE001 -- its text is what is looked at
            return str(failed)
        return ""

    assert "longer than 0.2 seconds" in in_sandbox(evaluated)


@pytest.mark.parametrize(
    "text",
    ["{{ input.name }}", "Dear {{steps.a.output}},", "${input.name}", "a ${ item } b", "{{ secrets.T }}"],
)
def test_what_looks_like_an_expression_of_another_language_is_a_warning(text: str) -> None:
    _, warnings = verdict(
        step("transform") | {"with": {"value": [{"x": text}]}}, output=text.replace("item", "input")
    )

    assert [path for path, _ in warnings] == ["steps[0].with.value[0].x", "output"]
    assert all("an expression is written ${{ … }}" in message for _, message in warnings)


@pytest.mark.parametrize(
    "given",
    [
        step("transform") | {"with": {"value": "${{ `${input.name}` }} {{ input.name }}"}},
        step("transform") | {"with": {"value": "query { item { name } } {{ name }} ${HOME} {input}"}},
        step("code") | {"with": {"source": "return `${input.name}`"}},
    ],
)
def test_other_texts_with_braces_are_nothing_special(given: Json) -> None:
    assert verdict(given) == ([], [])


@pytest.mark.parametrize(
    ("given", "path", "message"),
    [
        (step("http", needs="fetch"), "needs", 'a list of the ids of steps, such as ["fetch"]'),
        (step("http", needs=[{"id": "b"}]), "needs[0]", "Must be a text."),
        (step("http", timeoutSeconds="30s"), "timeoutSeconds", "a number of seconds, such as 30"),
        (step("http", retry=3), "retry", 'Must be an object, such as {"attempts": 3}.'),
        (step("http") | {"type": "HTTP"}, "type", "did you mean http?"),
        (step("http") | {"id": "constructor"}, "id", "choose another"),
        ({"id": "a", "type": "http"}, "with.url", "give an address such as https://"),
        ({"id": "a", "type": "fail"}, "with.message", "give the error of the execution"),
        (step("wait") | {"with": {"seconds": "${{ input.n }} s"}}, "with.seconds", "stand alone, as in ${{"),
        (step("wait") | {"with": {"until": "2030-02-30T12:00:00Z"}}, "with.until", "look at the day"),
        (step("workflow") | {"with": {"workflowId": "my-flow"}}, "with.workflowId", "not its name"),
        (step("http", **{"if": "${{ secrets.A }}"}), "if", "Secrets can only stand in fields of http"),
        (step("code") | {"with": {"source": "return ${{ input.x }}"}}, "with.source", "without ${{ }}"),
        (
            step("transform") | {"with": {"value": "${{ env.HOME }}"}},
            "with.value",
            "in reach are input, steps",
        ),
        ("fetch", "", "Must be an object with id and type."),
    ],
)
def test_a_fault_says_how_to_mend_it(given: Json, path: str, message: str) -> None:
    faults, _ = verdict(given)

    assert [where for where, _ in faults] == [f"steps[0].{path}".rstrip(".")]
    assert message in faults[0][1]


@pytest.mark.parametrize("given", [None, [], "steps: []", 5, True])
def test_what_is_no_object_is_told_what_a_definition_is(given: Json) -> None:
    with pytest.raises(InvalidDefinition) as refused:
        compile_graph(given)

    [fault] = refused.value.faults
    assert fault.path == ""
    assert 'Must be an object with steps: {"steps": [' in fault.message


@pytest.mark.parametrize(
    "steps",
    [
        [step("transform") | {"with": {"value": [f"${{{{ steps.step_x{n} }}}}" for n in range(8000)]}}],
        [
            step("transform")
            | {"with": {"value": "${{ " + "+".join(f"steps.q{n}" for n in range(8000)) + " }}"}}
        ],
        [step("transform", needs=[f"b{n}" for n in range(20_000)])],
        [step("code") | {"with": {"source": ";".join(f"foo{n}.x" for n in range(15_000))}}],
    ],
    ids=["references", "one expression", "needs", "code"],
)
def test_a_definition_full_of_faults_is_judged_soon_and_told_in_part(steps: list[Json]) -> None:
    others = [step("transform") | {"id": f"step_{n}"} for n in range(150)]
    start = time.thread_time()

    faults, warnings = verdict(*others, *steps)

    assert time.thread_time() - start < 10
    assert 10 <= len(faults) + len(warnings) <= 501

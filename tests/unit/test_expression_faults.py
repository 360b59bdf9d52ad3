"""What is found in expressions before they run: where they end, their names, and what is no JavaScript."""

import time

import pytest

from app.engine.expressions import Rules, compile_value
from app.engine.names import used_in
from app.engine.syntax import Syntax


def faults_of(value, secrets=False, **options):
    return compile_value(value, "with.x", secrets=secrets, **options)[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${{ input.a +* 2 }}", "line 1, column 14"),
        ("one\n  ${{ input.a +* 2 }}", "line 2, column 16"),
        ("${{ input.a\n +* 2 }}", "line 2, column 3"),
        ("${{ }}", "empty"),
        ("${{ input.a", "not closed"),
        ("${{ a) + (b }}", "Unexpected token"),
        ("${{ a] + [b }}", "Unexpected token"),
        ("${{ }); evil( }}", "unexpected token"),
        ("${{ 1)}), evil(), (function(){return (1 }}", "Unexpected token"),
        ("${{ 1; 2 }}", "Unexpected token"),
        ("${{ /* }}", "comment"),
        ("${{ ...input }}", "unexpected token"),
        ("${{ return 1 }}", "unexpected"),
        ("${{ 1 + await input.a }}", "line 1, column 15: await does not work here, as all is synchronous"),
        ("${{ (await fetch('x')).a }}", "let an http step before this one fetch"),
        ("${{ " + "(" * 100_000 + " }}", "nested too deeply"),
        ("${{ inptu.a }}", "There is no name inptu here (did you mean input?)"),
        ("${{ input.a + foo }}", "line 1, column 15: There is no name foo"),
        ("${{ steps.fetch.body }}", "no body"),
        ("${{ 1 + steps.fetch.body }}", "no body"),
        ("${{ secrets.A }}", "fields of http steps"),
        ("${{ secrets.A + 1 }}", "not in a larger expression"),
        ("${{ (() => { const s = secrets.A; return s })() }}", "not in a larger expression"),
        ("${{ a\x00b }}", "NUL"),
    ],
)
def test_bad_expressions_are_found_when_they_are_compiled(text, message):
    [fault] = faults_of(text)

    assert fault.path == "with.x"
    assert message in fault.message


def test_item_and_index_are_only_in_reach_with_for_each():
    [fault] = faults_of("${{ item.a }}", rules=Rules(roots=frozenset({"input"})))

    assert "forEach" in fault.message


def test_checking_never_runs_anything():
    engine = Syntax()
    hostile = "1)}), (globalThis.ran = 1), (function(){return (1"

    assert engine.expression(hostile) is not None
    assert engine.body("}), (globalThis.ran = 1), (function(){") is not None
    assert engine._check is not None
    assert engine.expression("ran + (() => { while (true) {} })()") is None


@pytest.mark.parametrize(
    "source",
    [
        "}), evil(), (function(){",
        "}, function(){",
        "}[evil()] = function(){",
        "}}, evil(), {body(){",
        "}, a(){",
        "} b(){",
        "}\nin\n{",
    ],
)
def test_a_body_cannot_close_its_function(source):
    assert Syntax().body(source) is not None


@pytest.mark.parametrize(
    "source", ["const a = 1;\nreturn await fetch('x')", "for await (const a of input) {}", "await 1"]
)
def test_an_await_is_told_as_what_does_not_work(source):
    fault = Syntax().body(source)

    assert fault is not None
    assert "await does not work here" in fault.message
    assert fault.line == source.count("\n") + 1


def test_what_is_wrong_beside_an_await_is_told_as_it_is():
    fault = Syntax().body("await 1; return )")

    assert fault is not None
    assert "await" not in fault.message


def test_a_fine_body_has_no_fault():
    assert Syntax().body("const a = 1;\nif (a) { return {a} }\n// end") is None


def test_many_ends_in_one_text_take_no_long_time():
    start = time.thread_time()

    faults = faults_of("${{ '" + "}}" * 100_000)

    assert len(faults) == 1
    assert time.thread_time() - start < 10


@pytest.mark.parametrize(
    ("source", "roots", "steps", "every", "unknown"),
    [
        ("steps.a.output > input.x", {"steps", "input"}, {"a"}, False, []),
        ("steps[input.x]", {"steps", "input"}, set(), True, []),
        ("input.map(x => x + y)", {"input"}, set(), False, ["y"]),
        ("Object.entries(input).map(([k, v]) => ({k, v, z}))", {"input"}, set(), False, ["z"]),
        ("`a${input.b}c${ {q: steps.z.status}.q }`", {"input", "steps"}, {"z"}, False, []),
        ("{get(){ return 1 }, input: 2, b: foo}", set(), set(), False, ["foo"]),
        ("'steps.a' /* steps.b */ // steps.c", set(), set(), False, []),
        ("/steps/.test(input.a) / 2", {"input"}, set(), False, []),
        ("function f(a, b) { return a + f(b) + item }", {"item"}, set(), False, []),
        ("input.list.map(steps => steps.foo)", {"input", "steps"}, set(), True, []),
        ("(() => { let q = steps.a; return q })()", {"steps"}, set(), True, []),
    ],
)
def test_the_names_of_a_source_are_found(source, roots, steps, every, unknown):
    use = used_in(source, frozenset({"Object"}))

    assert use.names.roots == roots
    assert use.names.steps == steps
    assert use.names.every_step is every
    assert [token.text for token in use.unknown] == unknown

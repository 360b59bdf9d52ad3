"""Expressions: where they end, what they give, and that Python and JavaScript agree."""

import asyncio
import json
import math
import time
from uuid import uuid4

import pytest
import quickjs
from hypothesis import example, given
from hypothesis import strategies as st

from app.engine.expressions import Rules, compile_value
from app.engine.names import used_in
from app.engine.paths import ExpressionFailed, number_text, parse_path, reader, text_of, truthy
from app.engine.programs import SKIP, StepProgram
from app.engine.sandbox import Sandbox
from app.engine.syntax import Syntax
from app.steps.secrets import SecretRef, SecretText, masked, reveal
from app.strictjson import loads_computed

SCOPE = {
    "input": {
        "id": 7,
        "no": None,
        "s": "hé😀",
        "list": [1, {"a": 2}],
        "big": 1e21,
        "o": {"2": 1, "1": 2},
        "t": True,
    },
    "steps": {"fetch": {"output": {"rows": [{"y": 5}]}, "status": "completed", "error": None}},
    "execution": {"id": "e"},
    "trigger": {},
    "item": {"n": 3},
    "index": 0,
}


def compiled(value, **options):
    result, faults = compile_value(value, "with", secrets=True, **options)
    assert faults == []
    return result


def faults_of(value, secrets=False, **options):
    return compile_value(value, "with.x", secrets=secrets, **options)[1]


def evaluated(program, scope=SCOPE):
    async def main():
        sandbox = Sandbox(2)
        try:
            return await program.evaluate(scope, sandbox, uuid4())
        finally:
            await sandbox.close()

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("nothing in here }}", "nothing in here }}"),
        ("${{ input.id }}", 7),
        ("${{input.list[1].a}}", 2),
        ('${{ input["list"][0] }}', 1),
        ("${{ steps.fetch.output.rows[0].y }}", 5),
        ("${{ steps.fetch.status }}", "completed"),
        ("${{ item.n }}", 3),
        ("${{ index }}", 0),
        ("${{ input }}", SCOPE["input"]),
        ("${{ input.missing }}", None),
        ("${{ input.no }}", None),
        ("${{ input.toString }}", None),
        ("${{ 'a}}b' }}", "a}}b"),
        ("${{ -1.5 }}", -1.5),
        ("${{ true }}", True),
        ("${{ null }}", None),
        ("no ${{ input.id }}, ${{ input.missing }}${{ input.no }}!", "no 7, !"),
        ("${{ input.id }}${{ input.t }}", "7true"),
        ("${{ input.big }} ${{ input.list }}", '1e+21 [1,{"a":2}]'),
        (" ${{ input.o }}", ' {"1":2,"2":1}'),
        ("${{ input.s.length }}", 4),
        ("${{ input.s[1] }}", "é"),
        ("${{ input.list.length }}", 2),
        ("${{ input.s[9] }}", None),
        ({"a": ["${{ input.id }}", 1], "b": {"c": "x"}}, {"a": [7, 1], "b": {"c": "x"}}),
    ],
)
def test_plain_expressions_are_resolved_in_python(text, value):
    result = compiled(text)

    assert result.plain
    assert result.resolve(SCOPE) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${{ {a: {b: input.id}}}}", {"a": {"b": 7}}),
        ("${{ '}}' + input.id }}", "}}7"),
        ("${{ `${ {a: 1}.a }}}` }}", "1}}"),
        ("${{ /}}/.test('}}') }}", True),
        ("a ${{ {a: 1} }} b", 'a {"a":1} b'),
        ("${{ input.id > 5 && 'yes' }} ${{ undefined }}${{ 0 / 0 }}", "yes "),
        ("${{ input.list.map(x => x) }}", [1, {"a": 2}]),
        ("${{ 1, 2 }}", 2),
        ("${{ input.id // a comment }} }}", "7 }}"),
        ("${{ input.id /* }} */ }}", 7),
        ("${{ Object.keys(steps) }}", ["fetch"]),
        ("${{ input.no?.x ?? 'none' }}", "none"),
        ("${{ input.__proto__ }}", {}),
        ("${{ input['constructor'].name }}", "Object"),
        ("${{ (() => { const n = input.id; return n + 1 })() }}", 8),
        ({"k": "${{ input.id * 2 }}", "p": "${{ input.id }}", "c": 1}, {"k": 14, "p": 7, "c": 1}),
    ],
)
def test_everything_else_is_evaluated_by_javascript(text, value):
    result = compiled(text)

    assert not result.plain
    assert evaluated(StepProgram(None, result, ("fetch",))) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${{ input.no.x }}", "input.no is null or undefined"),
        ("${{ input.missing.x.y }}", "input.missing is null or undefined"),
        ("${{ input.list[7].a }}", "input.list[7] is null or undefined"),
        ('${{ input["a b"].c }}', 'input["a b"] is null or undefined'),
        ("${{ steps.fetch.output.nope.x }}", "steps.fetch.output.nope is null or undefined"),
        ("${{ input.missing.x + 1 }}", "with: input.missing is null or undefined"),
        ("${{ 1 + steps.fetch.output.nope.x }}", "steps.fetch.output.nope is null or undefined"),
        ("${{ input.list.map(x => x.y.z) }}", "property 'z'"),
        ("${{ input.id() }}", "TypeError"),
        ("${{ (() => { throw new Error('mine') })() }}", "mine"),
        ("${{ (() => { while (true) {} })() }}", "longer than 1 second"),
        ("${{ 'x'.repeat(1e9) }}", "memory"),
        ("${{ Date.now() }}", "not available"),
        ("${{ input.s[2] }}", "surrogate"),
    ],
)
def test_a_failing_expression_says_what_and_where(text, message):
    with pytest.raises(ExpressionFailed) as failed:
        evaluated(StepProgram(None, compiled(text), ("fetch",)))

    assert message in str(failed.value)


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


def test_a_fine_body_has_no_fault():
    assert Syntax().body("const a = 1;\nif (a) { return {a} }\n// end") is None


def test_many_ends_in_one_text_take_no_long_time():
    start = time.monotonic()

    faults = faults_of("${{ '" + "}}" * 100_000)

    assert len(faults) == 1
    assert time.monotonic() - start < 3


def test_secrets_become_placeholders_that_only_the_sender_fills():
    result = compiled({"a": "${{ secrets.KEY }}", "b": "Bearer ${{ secrets.KEY }}-${{ input.id }}"})

    value = result.resolve(SCOPE)

    assert value["a"] == SecretText((SecretRef("KEY"),))
    assert result.names.secrets == {"KEY"}
    assert masked(value) == {"a": "***", "b": "Bearer ***-7"}
    assert reveal(value, {"KEY": "k"}) == {"a": "k", "b": "Bearer k-7"}


def test_data_is_never_scanned_for_expressions():
    scope = {"input": {"evil": "${{ secrets.KEY }} ${{ 1 + 1 }}"}}

    assert compiled("${{ input.evil }}").resolve(scope) == "${{ secrets.KEY }} ${{ 1 + 1 }}"
    assert compiled("x ${{ input.evil }}").resolve(scope) == "x ${{ secrets.KEY }} ${{ 1 + 1 }}"


def test_a_false_condition_skips_and_the_value_is_not_evaluated():
    value = compiled("${{ input.no.x }}")
    plain = compiled("${{ input.no }}", rules=Rules(condition=True))
    script = compiled("${{ input.id > 100 }}", rules=Rules(condition=True))

    assert StepProgram(plain, value).resolve(SCOPE) is SKIP
    assert evaluated(StepProgram(plain, compiled("${{ input.no.x + 1 }}"))) is SKIP
    assert evaluated(StepProgram(script, value)) is SKIP
    assert evaluated(StepProgram(script, compiled("${{ input.no.x + 1 }}"))) is SKIP


def test_a_true_condition_lets_the_value_through():
    script = compiled("${{ input.id > 1 }}", rules=Rules(condition=True))
    plain = compiled("${{ input.id }}", rules=Rules(condition=True))

    assert evaluated(StepProgram(script, compiled("${{ input.id + 1 }}"))) == 8
    assert evaluated(StepProgram(script, compiled("${{ input.id }}"))) == 7
    assert StepProgram(plain, compiled("${{ input.id }}")).resolve(SCOPE) == 7


def test_the_truth_of_an_inherited_function_is_left_to_javascript():
    condition = compiled("${{ input.list.map }}", rules=Rules(condition=True))

    assert evaluated(StepProgram(condition, compiled("ran"))) == "ran"


class Watched(dict):
    """Steps that note who was read."""

    def __init__(self, steps):
        super().__init__(steps)
        self.read = set()

    def __getitem__(self, key):
        self.read.add(key)
        return super().__getitem__(key)


@pytest.mark.parametrize(
    "text", ["${{ steps.a.output }}", "${{ steps.a.output + 1 }}", "${{ steps['a']?.output }}"]
)
def test_only_the_steps_that_are_named_are_read(text):
    state = {"output": 1, "status": "completed", "error": None}
    steps = Watched({"a": state, "b": state})

    evaluated(StepProgram(None, compiled(text), ("a", "b")), {"steps": steps})

    assert steps.read == {"a"}


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


def test_a_plain_step_is_resolved_in_a_few_microseconds():
    program = StepProgram(None, compiled({"value": {"id": "${{ input.id }}", "t": "o-${{ input.id }}"}}))
    program.resolve(SCOPE)
    start = time.perf_counter()

    for _ in range(10_000):
        program.resolve(SCOPE)

    assert (time.perf_counter() - start) / 10_000 < 50e-6


class Engine:
    """JavaScript in this process, to compare with: it only ever sees the paths of these tests."""

    def __init__(self):
        self.context = quickjs.Context()
        self.path = self.context.eval(
            """(scope, path) => {
              const input = JSON.parse(scope);
              try { return JSON.stringify((0, eval)("(input) => " + path)(input)) ?? "null"; }
              catch (error) { return error instanceof TypeError ? "broken" : String(error); }
            }"""
        )
        self.text = self.context.eval(
            """(scope) => {
              const v = JSON.parse(scope);
              return v === null ? "" : typeof v === "object" ? JSON.stringify(v) : String(v);
            }"""
        )
        self.truth = self.context.eval("(scope) => Boolean(JSON.parse(scope))")


def is_shortest(number):
    """Leave out powers of two: QuickJS prints some longer than ECMA-262 wants, with the same value."""
    return abs(math.frexp(number)[0]) != 0.5 or number.is_integer()


ENGINE = Engine()
FLOATS = st.floats(allow_nan=False, allow_infinity=False).filter(is_shortest)
WORDS = st.sampled_from(
    ["a", "b", "0", "1", "01", "length", "__proto__", "constructor", "map", "é", "x y", ""]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | FLOATS
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=4)
)
JSONS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    [
        ".a",
        ".b",
        "[0]",
        "[1]",
        '["01"]',
        '["0"]',
        ".length",
        ".__proto__",
        ".constructor",
        ".map",
        '["x y"]',
        '[""]',
    ]
)


@given(JSONS, st.lists(KEYS, max_size=4))
@example(["\U00010000"], ["[0]", "[0]", ".x"])
@example(["\U00010000"], ["[0]", "[0]", ".length"])
@example(["\U00010000"], ["[0]", "[0]"])
def test_python_and_javascript_read_the_same_from_a_path(value, keys):
    source = "input" + "".join(keys)
    path = parse_path(source)
    if path is None:
        return
    expected = ENGINE.path(json.dumps(value), source)

    if expected == "broken" or "\\ud" in expected:
        with pytest.raises(ExpressionFailed):
            reader(*path)({"input": value})
    else:
        assert reader(*path)({"input": value}) == loads_computed(expected.encode())


@given(JSONS)
def test_python_and_javascript_write_the_same_text(value):
    assert text_of(value) == ENGINE.text(json.dumps(value))


@given(FLOATS)
def test_python_and_javascript_print_the_same_numbers(number):
    assert number_text(number) == ENGINE.text(repr(number))


@given(JSONS)
def test_python_and_javascript_agree_on_what_is_true(value):
    assert truthy(value) is ENGINE.truth(json.dumps(value))

"""Expressions: where they end, what they give, and that Python and JavaScript agree."""

import asyncio
import time
from uuid import uuid4

import pytest

from app.engine.expressions import Rules, compile_value
from app.engine.paths import ExpressionFailed
from app.engine.programs import SKIP, StepProgram
from app.engine.sandbox import Sandbox
from app.steps.secrets import SecretRef, SecretText, masked, reveal

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
        ("<${{ [][0] }}${{ [null].pop() }}${{ -1 / 0 }}${{ void 0 }}>", "<>"),
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
        ("${{ input.list.map }}", "input.list.map is a function, which JSON cannot hold: call it"),
        ("${{ steps.fetch.status.trim }}", "steps.fetch.status.trim is a function"),
        ("a ${{ input.id.toFixed }}", "input.id.toFixed is a function"),
        ("${{ input.toString }}", "input.toString is a function"),
        ("a ${{ () => input.id }}", "with: The value is a function"),
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


def test_a_condition_that_is_an_inherited_function_fails_instead_of_being_always_true():
    condition = compiled("${{ input.list.map }}", rules=Rules(condition=True))

    with pytest.raises(ExpressionFailed, match="always true: call it"):
        evaluated(StepProgram(condition, compiled("ran")))


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


def test_a_plain_step_is_resolved_in_a_few_microseconds():
    program = StepProgram(None, compiled({"value": {"id": "${{ input.id }}", "t": "o-${{ input.id }}"}}))

    def round_of(count):
        start = time.thread_time()
        for _ in range(count):
            program.resolve(SCOPE)
        return (time.thread_time() - start) / count

    assert min(round_of(1_000) for _ in range(10)) < 50e-6

"""What `console` writes in a body: for a reader, at once, and whatever it is given."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from app.engine.sandbox import Body, Reply, Sandbox, SandboxFailed
from app.engine.sandbox_child import MOST_LINES, MOST_LOG

Lines = list[tuple[str, str]]


def ran(source: str, *, seconds: float = 10, mebibytes: int = 128) -> tuple[Reply | str, Lines]:
    """Run a body; give its reply, or why there is none, and what it logged."""
    lines: Lines = []

    async def main() -> Reply | str:
        sandbox = Sandbox(1)
        try:
            return await sandbox.evaluate(
                uuid4(),
                Body(source, {}),
                seconds=seconds,
                mebibytes=mebibytes,
                log=lambda level, line: lines.append((level, line)),
            )
        except SandboxFailed as error:
            return str(error)
        finally:
            await sandbox.close()

    return asyncio.run(main()), lines


def logged(*values: str) -> Any:
    """Give what is logged of each of some JavaScript values; the body must come to its end."""
    reply, lines = ran("\n".join(f"console.log({value});" for value in values) + "\nreturn 1")
    assert isinstance(reply, Reply)
    assert (reply.values, reply.error) == ([1], None)
    return [line for _, line in lines]


def test_each_level_has_its_function() -> None:
    _, lines = ran("for (const level of ['debug', 'log', 'info', 'warn', 'error']) console[level](level)")

    assert lines == [
        ("debug", "debug"), ("info", "log"), ("info", "info"), ("warning", "warn"), ("error", "error")
    ]  # fmt: skip


def test_plain_values_are_written_as_json_and_texts_as_they_are() -> None:
    value = {"a": [1, 2.5, True, None, "x\n"], "b": {}}

    assert logged(json.dumps(value), "'hi', {a: 1}, 5", "['a']") == [
        json.dumps(value, separators=(",", ":")),
        'hi {"a":1} 5',
        '["a"]',
    ]


def test_what_json_does_not_know_is_readable_and_fails_nothing() -> None:
    shown = {
        "10n": "10n",
        "{big: 10n, none: undefined}": '{"big":10n,"none":undefined}',
        "[NaN, -0, 1 / 0]": "[NaN,-0,Infinity]",
        "(() => { const me = {n: 1}; me.me = [me]; return me })()": '{"n":1,"me":[[Circular]]}',
        "(() => { const one = {}; return [one, one] })()": "[{},{}]",
        "Symbol('s'), [Symbol.iterator]": "Symbol(s) [Symbol(Symbol.iterator)]",
        "function sum() {}, () => 1": "[Function: sum] [Function]",
        "new Error('no'), [new TypeError('bad')]": "Error: no [TypeError: bad]",
        "new Date(0), new Date(NaN)": "1970-01-01T00:00:00.000Z Invalid Date",
        "/a+/g, Promise.resolve(1)": "/a+/g [Promise]",
        "new Map([['a', 10n]]), new Set([1, {}])": 'Map(1){"a"=>10n} Set(2){1,{}}',
        "new Uint8Array([1, 2]), new Number(3), new String('x')": '[1,2] 3 "x"',
        "{get x() { throw 1 }}": '{"x":[Getter]}',
        "new Proxy({}, {ownKeys() { throw 1 }})": "[unreadable]",
        "{toJSON() { throw 2 }}": '{"toJSON":[Function: toJSON]}',
        "Object.create(Date.prototype), Object.create(null)": "[unreadable] {}",
        "": "",
        "'a\\0b', '\\ud83d'": "a\ufffdb \ufffd",
    }

    assert logged(*shown) == list(shown.values())


def test_a_very_deep_value_is_cut_in_its_depth() -> None:
    [line] = logged("(() => { let o = {}; for (let i = 0; i < 100000; i++) o = {o}; return o })()")

    assert line.endswith('{"o":[Object]' + "}" * 32)


def test_no_trick_makes_a_log_fail_its_step() -> None:
    tricks = [
        "Array.prototype.join = String.prototype.slice = () => { throw 1 }",
        "Error.prototype.toString = Object.prototype.toString = null",
        "Array.prototype.includes = () => false",
        "Array.prototype.push = Array.prototype.pop = () => { throw 1 }",
        "JSON.stringify = null",
    ]
    for trick in tricks:
        reply, _ = ran(f"const me = {{}}; me.me = me; {trick}; console.log(me, 'x'); return null")

        assert isinstance(reply, Reply), trick
        assert reply.error is None, trick


@pytest.mark.parametrize(
    ("end", "why"),
    [
        ("while (true) {}", "longer than 1 second"),
        ("Array.prototype.reverse.call({length: 2 ** 53 - 1})", "longer than 1 second"),
        ("const all = []; while (true) all.push('x'.repeat(1e6) + all.length)", "memory"),
    ],
)
def test_what_was_logged_before_a_body_is_ended_is_kept(end: str, why: str) -> None:
    reply, lines = ran(f"console.log('one'); console.log('two'); {end}", seconds=1, mebibytes=64)

    message = reply if isinstance(reply, str) else str(reply.error)
    assert why in message
    assert lines == [("info", "one"), ("info", "two")]


def test_a_body_that_throws_keeps_its_log() -> None:
    reply, lines = ran("console.log('before');\nthrow new Error('no')")

    assert isinstance(reply, Reply)
    assert reply.error is not None
    assert (reply.error["message"], lines) == ("Error: no", [("info", "before")])


def test_a_long_line_is_passed_on_up_to_the_limit_and_what_follows_tells_that_there_was_more() -> None:
    _, lines = ran("console.log('x'.repeat(300 * 1024)); console.log('after'); console.log('not sent')")

    assert [len(line) for _, line in lines] == [MOST_LOG + 1]


def test_a_flood_of_lines_is_not_passed_on() -> None:
    _, lines = ran("for (let i = 0; i < 50000; i++) console.log(i)")

    assert len(lines) == MOST_LINES + 1


def test_a_body_cannot_reach_what_takes_its_lines_out() -> None:
    reply, _ = ran("return [typeof emit, Object.keys(globalThis).filter(name => name != 'performance')]")

    assert isinstance(reply, Reply)
    assert reply.values == [["undefined", ["console"]]]

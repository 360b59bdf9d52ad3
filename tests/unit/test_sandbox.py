"""The sandbox: hostile programs end within their limits, and the next evaluation works."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from app.engine.sandbox import Body, Expressions, Sandbox, SandboxFailed, Script

HERE = uuid4()


def in_sandbox(test, children=2):
    """Run a coroutine function with a sandbox of its own."""

    async def main():
        sandbox = Sandbox(children)
        try:
            return await test(sandbox)
        finally:
            await sandbox.close()

    return asyncio.run(main())


async def value_of(sandbox, source, workspace_id=HERE, **values):
    reply = await sandbox.evaluate(workspace_id, Expressions((Script(source),), values))
    return reply.error["message"] if reply.error else reply.values[0]


ENDLESS = [
    "(() => { while (true) {} })()",
    "(() => { for (;;) { try { while (true) {} } catch {} } })()",
    "(() => { for (;;) { try { while (true) {} } finally { continue } } })()",
    "new Array(2**32-1).join('')",
    "Array.prototype.reverse.call({length: 2**53-1})",
    "/(a+)+b/.test('a'.repeat(40))",
]
GREEDY = [
    "(function*() { while (true) yield 1 })().toArray()",
    "'x'.repeat(1e9)",
    "(() => { const all = []; while (true) all.push('x'.repeat(1e6)) })()",
    "(() => { let s = 'x'; while (true) s += s })()",
    "new Array(1e8).fill(0).map(x => x)",
    "new Uint8Array(2**31)",
    "'a'.padEnd(2**29)",
    "(function again() { return again() })()",
    "JSON.parse('['.repeat(1e6))",
    "(() => { let o = {}; for (let i = 0; i < 1e5; i++) o = {o}; return o })()",
]
ESCAPES = [
    "typeof process + typeof require + typeof std + typeof os + typeof fetch + typeof WebAssembly",
    "Object.keys(globalThis).length",
    "(() => { Object.prototype.toJSON = () => 5; return {} })()",
    "(() => { Array.prototype.join = () => '}{'; return 1 })()",
    "(() => { Array.prototype.join = () => '{\"values\":5}'; return 1 })()",
    '(() => { Array.prototype.join = () => \'{"values":[1],"nope":1}\'; return 1 })()',
    '(() => { Array.prototype.join = () => \'{"values":[],"error":7}\'; return 1 })()',
    "(() => { JSON.stringify = () => '}'; return 1 })()",
    "(() => { throw {get message() { throw 1 }, toJSON() { throw 2 }} })()",
    "(() => { throw null })()",
    "import('fs')",
    "1)}), evil(), (function(){return (1",
    "this.constructor.constructor('return 1')()",
    "10n",
    "Symbol('x')",
]


@pytest.mark.parametrize("source", ENDLESS)
def test_an_endless_program_ends_after_a_second_and_the_next_one_works(source):
    async def test(sandbox):
        await value_of(sandbox, "1")
        start = time.monotonic()
        with pytest.raises(SandboxFailed, match="longer than 1 second"):
            await value_of(sandbox, source)
        return time.monotonic() - start, await value_of(sandbox, "1 + 1")

    took, after = in_sandbox(test)

    assert took < 5
    assert after == 2


@pytest.mark.parametrize("source", GREEDY)
def test_a_greedy_program_fails_and_the_next_one_works(source):
    async def test(sandbox):
        try:
            outcome = await value_of(sandbox, source)
        except SandboxFailed as error:
            outcome = str(error)
        return outcome, await value_of(sandbox, "1 + 1")

    outcome, after = in_sandbox(test)

    assert any(
        word in outcome
        for word in ("memory", "too long", "length", "stack", "second", "nested", "SyntaxError")
    )
    assert after == 2


def test_tricks_change_nothing_for_the_next_evaluation():
    async def test(sandbox):
        for source in ESCAPES:
            with suppress(SandboxFailed):
                await value_of(sandbox, source)
            assert await value_of(sandbox, "[[1].join(), JSON.stringify({a: 1})]") == ["1", '{"a":1}']

    in_sandbox(test)


@pytest.mark.parametrize(
    "source",
    [
        "Date.now()",
        "new Date()",
        "Date()",
        "Math.random()",
        "new (new Date(0)).constructor()",
        "(0, eval)('new Date()')",
        "Function('return Date.now()')()",
        "performance.now()",
        "Reflect.construct(Date, [])",
    ],
)
def test_clock_and_chance_throw_in_expressions(source):
    message = in_sandbox(lambda sandbox: value_of(sandbox, source))

    assert "not available" in message or "not defined" in message


def test_dates_that_need_no_clock_work_in_utc():
    async def test(sandbox):
        return [
            await value_of(sandbox, "new Date('2024-05-01T00:00:00').toISOString()"),
            await value_of(sandbox, "new Date(0) instanceof Date && Date.UTC(1970, 0) === 0"),
        ]

    assert in_sandbox(test) == ["2024-05-01T00:00:00.000Z", True]


def test_clock_chance_and_log_work_in_a_body():
    source = """
        console.log('hi', {a: 1});
        console.warn('careful');
        return [Date.now() > 0, Math.random() < 1, input];
    """

    reply = in_sandbox(
        lambda sandbox: sandbox.evaluate(HERE, Body(source, {"input": 7}), seconds=10, mebibytes=128)
    )

    assert reply.values == [[True, True, 7]]
    assert reply.logs == [("info", 'hi {"a":1}'), ("warning", "careful")]


def test_a_body_that_throws_keeps_its_log():
    source = "console.log('before');\nthrow new Error('no')"

    reply = in_sandbox(lambda sandbox: sandbox.evaluate(HERE, Body(source, {}), seconds=10, mebibytes=128))

    assert reply.logs == [("info", "before")]
    assert reply.error["message"] == "Error: no"


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("undefined", None),
        ("NaN", None),
        ("1 / 0", None),
        ("() => 1", None),
        ("[undefined, NaN, () => 1]", [None, None, None]),
        ("-0", 0),
        ("2 ** 60", float(2**60)),
        ("'é😀'", "é😀"),
        ("new Date(0)", "1970-01-01T00:00:00.000Z"),
        ("'ab'.repeat(50000) + 'c'.repeat(50000)", "ab" * 50000 + "c" * 50000),
    ],
)
def test_values_come_back_as_json(source, value):
    assert in_sandbox(lambda sandbox: value_of(sandbox, source)) == value


@pytest.mark.parametrize(("source", "why"), [("'\\0'", "NUL"), ("'\\ud83d'", "surrogate")])
def test_a_value_that_cannot_be_kept_fails(source, why):
    with pytest.raises(SandboxFailed, match=why):
        in_sandbox(lambda sandbox: value_of(sandbox, source))


def test_an_expression_sees_only_the_values_it_was_given():
    async def test(sandbox):
        await value_of(sandbox, "(() => { globalThis.left = input; return 1 })()", input=1)
        return await value_of(sandbox, "typeof left + typeof input")

    assert in_sandbox(test) == "undefinedundefined"


def test_no_child_is_started_before_it_is_needed():
    async def test(sandbox):
        return sandbox._zygote

    assert in_sandbox(test) is None


def test_a_child_never_serves_two_workspaces():
    async def test(sandbox):
        served = {}
        for _ in range(3):
            for workspace_id in (HERE, uuid4()):
                await value_of(sandbox, "1", workspace_id)
                served.setdefault(sandbox._idle[-1].pid, set()).add(workspace_id)
        return served

    assert all(len(workspaces) == 1 for workspaces in in_sandbox(test).values())


def test_there_are_never_more_children_than_allowed():
    async def test(sandbox):
        counts = set()

        async def one():
            await value_of(sandbox, "1", uuid4())
            counts.add(len(sandbox._idle) + len(sandbox._busy))

        await asyncio.gather(*(one() for _ in range(20)))
        return counts

    assert max(in_sandbox(test, children=3)) <= 3


def test_one_workspace_cannot_keep_another_waiting():
    async def test(sandbox):
        hogs = [asyncio.ensure_future(value_of(sandbox, ENDLESS[0])) for _ in range(6)]
        await asyncio.sleep(0.2)
        start = time.monotonic()
        await value_of(sandbox, "1", uuid4())
        took = time.monotonic() - start
        for hog in hogs:
            hog.cancel()
        await asyncio.gather(*hogs, return_exceptions=True)
        return took

    assert in_sandbox(test, children=4) < 1


def test_a_cancelled_evaluation_frees_its_place():
    async def test(sandbox):
        hog = asyncio.ensure_future(value_of(sandbox, ENDLESS[0]))
        waiting = asyncio.ensure_future(value_of(sandbox, "1"))
        await asyncio.sleep(0.3)
        hog.cancel()
        waiting.cancel()
        await asyncio.gather(hog, waiting, return_exceptions=True)
        return await value_of(sandbox, "2")

    assert in_sandbox(test) == 2


def test_an_innocent_death_is_repeated_once():
    async def test(sandbox):
        await value_of(sandbox, "1")
        os.kill(sandbox._idle[0].pid, signal.SIGKILL)
        return await value_of(sandbox, "2")

    assert in_sandbox(test) == 2


def test_a_dead_zygote_is_replaced():
    async def test(sandbox):
        await value_of(sandbox, "1")
        sandbox._zygote._process.kill()
        sandbox._zygote._process.wait()
        return await value_of(sandbox, "2", uuid4())

    assert in_sandbox(test) == 2


def test_values_that_are_too_large_are_refused_before_they_are_sent():
    with pytest.raises(SandboxFailed, match="larger than"):
        in_sandbox(lambda sandbox: value_of(sandbox, "1", input="x" * 40_000_000))


def test_a_closed_sandbox_starts_nothing():
    async def test(sandbox):
        await sandbox.close()
        await value_of(sandbox, "1")

    with pytest.raises(SandboxFailed, match="shutting down"):
        in_sandbox(test)


PARENT = """
import asyncio, sys
from uuid import uuid4
from app.engine.sandbox import Expressions, Sandbox, Script
async def main():
    sandbox = Sandbox(2)
    await sandbox.evaluate(uuid4(), Expressions((Script("1"),), {}))
    print(sandbox._idle[0].pid, sandbox._zygote._process.pid, flush=True)
    await sandbox.evaluate(uuid4(), Expressions((Script("(() => { while (1) {} })()"),), {}), seconds=60)
asyncio.run(main())
"""


def test_children_die_with_their_worker():
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, cwd=root) as parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]

        parent.kill()
        parent.wait()

        assert all(_ends(pid) for pid in pids)


def test_a_child_has_no_environment_no_files_and_no_user():
    async def test(sandbox):
        await value_of(sandbox, "1")
        pid = sandbox._idle[0].pid
        status = Path(f"/proc/{pid}/status").read_text()
        limits = Path(f"/proc/{pid}/limits").read_text()
        return status, limits

    status, limits = in_sandbox(test)

    uid = next(line.split()[1] for line in status.splitlines() if line.startswith("Uid:"))
    assert uid != "0"
    assert "NoNewPrivs:\t1" in status
    assert next(line.split()[3] for line in limits.splitlines() if line.startswith("Max open files")) == "1"


def _ends(pid):
    for _ in range(50):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False

"""The processes of the sandbox: whose they are, how many, what they may do, and how they end."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

from app.engine.sandbox import Body, Expressions, SandboxFailed, Script
from tests.unit.sandboxed import HERE, in_sandbox, value_of


async def endless(sandbox):
    """Evaluate what keeps its place for a minute."""
    await sandbox.evaluate(HERE, Expressions((Script("(() => { while (true) {} })()"),), {}), seconds=60)


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
        hogs = [asyncio.ensure_future(endless(sandbox)) for _ in range(6)]
        await asyncio.sleep(0.2)
        start = time.monotonic()
        await value_of(sandbox, "1", uuid4())
        took = time.monotonic() - start
        for hog in hogs:
            hog.cancel()
        await asyncio.gather(*hogs, return_exceptions=True)
        return took

    assert in_sandbox(test, children=4) < 20


def test_an_expression_does_not_wait_for_code_of_its_own_workspace():
    async def test(sandbox):
        endless = Body("while (true) {}", {})
        hogs = [asyncio.ensure_future(sandbox.evaluate(HERE, endless, seconds=600)) for _ in range(6)]
        await asyncio.sleep(0.2)
        values = [await value_of(sandbox, f"{number} + 1") for number in range(3)]
        at_work = [hog for hog in hogs if not hog.done()]
        for hog in hogs:
            hog.cancel()
        await asyncio.gather(*hogs, return_exceptions=True)
        return values, len(at_work)

    assert in_sandbox(test, children=4) == ([1, 2, 3], 6)


def test_a_cancelled_evaluation_frees_its_place():
    async def test(sandbox):
        hog = asyncio.ensure_future(endless(sandbox))
        waiting = asyncio.ensure_future(value_of(sandbox, "1"))
        await asyncio.sleep(0.3)
        hog.cancel()
        waiting.cancel()
        await asyncio.gather(hog, waiting, return_exceptions=True)
        return await asyncio.wait_for(value_of(sandbox, "2"), 20)

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


def test_expressions_yield_to_all_else_and_code_to_expressions():
    async def test(sandbox):
        await value_of(sandbox, "1")
        for _ in range(3):
            await sandbox.evaluate(HERE, Body("return 1", {}))
        return [os.getpriority(os.PRIO_PROCESS, child.pid) for child in sandbox._idle]

    here = os.getpriority(os.PRIO_PROCESS, 0)

    assert in_sandbox(test) == [min(19, here + 10), 19]


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
    for _ in range(600):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False

"""The step type `task`: how functions are called, and what their ends mean."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from app import tasks
from app.steps import task as task_step
from app.steps.addresses import AllowList
from app.steps.arguments import load_args
from app.steps.base import STEP_TYPES, Call, Done, Failed, Outcome, Retry
from app.steps.client import HttpClient
from app.steps.secrets import SecretRef, SecretText
from app.steps.task import TaskStep
from app.tasks import NonRetryable, cancelled, check_cancelled, task


@pytest.fixture(autouse=True)
def _own_registry() -> Iterator[None]:
    before = dict(tasks.TASKS)
    yield
    tasks.TASKS.clear()
    tasks.TASKS.update(before)


def masked(text: str) -> str:
    return text.replace("12345678", "***")


async def performed(args: dict[str, Any], secrets: dict[str, str]) -> Outcome:
    client = HttpClient(AllowList())
    call = Call(load_args(TaskStep, args), "key", client, lambda _level, _message: None, secrets, mask=masked)
    try:
        outcome: Any = await STEP_TYPES["task"].run(call)  # type: ignore[misc]
    finally:
        await client.close()
    found: Outcome = outcome
    return found


def run(function: Callable[..., Any], secrets: dict[str, str] | None = None, **args: Any) -> Outcome:
    task("under_test")(function)
    return asyncio.run(performed({"name": "under_test", "args": args}, secrets or {}))


def test_a_plain_function_runs_in_a_thread() -> None:
    def add(a: int, b: int = 1) -> dict[str, Any]:
        return {"sum": a + b, "thread": threading.current_thread() is not threading.main_thread()}

    assert run(add, a=41) == Done({"sum": 42, "thread": True})


def test_a_coroutine_function_runs_in_the_loop() -> None:
    async def add(a: int, b: int = 1) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"sum": a + b, "thread": threading.current_thread() is not threading.main_thread()}

    assert run(add, a=41) == Done({"sum": 42, "thread": False})


def test_what_a_plain_function_raises_may_be_tried_again() -> None:
    def fails() -> None:
        raise ValueError("no more stock")

    assert run(fails) == Retry("ValueError: no more stock")


def test_what_a_coroutine_raises_may_be_tried_again_even_a_timeout_of_its_own() -> None:
    async def fails() -> None:
        raise TimeoutError

    assert run(fails) == Retry("TimeoutError")


@pytest.mark.parametrize(("message", "error"), [("unknown customer", "unknown customer"), ("", "The task")])
def test_a_non_retryable_failure_is_final_for_the_step(message: str, error: str) -> None:
    class NoCustomer(NonRetryable):
        pass

    def fails() -> None:
        raise NoCustomer(message)

    outcome = run(fails)

    assert isinstance(outcome, Failed)
    assert outcome.error.startswith(error)


def test_a_task_that_exits_does_not_end_the_worker() -> None:
    def leaves() -> None:
        raise SystemExit(3)

    async def leaves_too() -> None:
        raise SystemExit(3)

    assert run(leaves) == Retry("SystemExit: 3")
    tasks.TASKS.clear()
    assert run(leaves_too) == Retry("SystemExit: 3")


def test_a_coroutine_that_cancels_itself_does_not_cancel_the_execution() -> None:
    async def gives_up() -> None:
        raise asyncio.CancelledError

    assert run(gives_up) == Retry("The task under_test cancelled itself")


@pytest.mark.parametrize("value", [None, True, 0.5, "text", [], {"a": [1, {"b": None}]}, 2**53 - 1])
def test_json_is_the_output(value: Any) -> None:
    def gives() -> Any:
        return value

    assert run(gives) == Done(value)


def test_a_tuple_is_a_list() -> None:
    def gives() -> Any:
        return {"pair": (1, 2)}

    assert run(gives) == Done({"pair": [1, 2]})


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else []


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), "its result is a datetime"),
        ({"a": [b"x"]}, "its result.a[0] is a bytes"),
        ({1: "x"}, "its result has the key 1, which is no text"),
        (float("nan"), "its result is nan"),
        ([2**53], "its result[0] is a whole number beyond"),
        (nested(70), "it is nested deeper than 64"),
    ],
)
def test_what_is_not_json_fails_the_step_and_says_where(value: Any, why: str) -> None:
    def gives() -> Any:
        return value

    outcome = run(gives)

    assert isinstance(outcome, Failed)
    assert why in outcome.error


def test_secrets_in_arguments_are_put_in_place() -> None:
    def echo(token: str) -> str:
        return token[::-1]

    secret = SecretText(("Bearer ", SecretRef("TOKEN")))

    assert run(echo, {"TOKEN": "12345678"}, token=secret) == Done("87654321 reraeB")
    assert isinstance(run(echo, {}, token=secret), Failed)


def test_the_log_tells_what_a_task_raised_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    captured = LogCapture()
    monkeypatch.setattr(task_step, "logger", structlog.wrap_logger(None, processors=[captured]))

    def tell(token: str) -> None:
        raise ValueError(f"cannot use {token}")

    outcome = run(tell, {"TOKEN": "12345678"}, token=SecretText((SecretRef("TOKEN"),)))

    [entry] = captured.entries
    assert outcome == Retry("ValueError: cannot use 12345678")  # which the engine masks
    assert "ValueError: cannot use ***" in entry["exception"]
    assert "12345678" not in str(entry)


@pytest.mark.parametrize("asks", [True, False])
def test_a_plain_function_that_takes_too_long_is_given_up_and_can_know_it(asks: bool) -> None:
    seen: list[str] = []
    begun, ended = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        try:
            while not cancelled():
                time.sleep(0.005)
            if asks:
                check_cancelled()
            seen.append("went on")
            return "too late"
        finally:
            ended.set()

    async def given_up() -> None:
        running = asyncio.create_task(performed({"name": "slow", "args": {}}, {}))
        assert await asyncio.to_thread(begun.wait, 60)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    task("slow")(slow)
    asyncio.run(given_up())

    assert ended.wait(60)
    assert seen == ([] if asks else ["went on"])


def test_outside_of_a_step_nothing_is_cancelled() -> None:
    check_cancelled()

    assert cancelled() is False


def test_a_coroutine_that_ignores_its_cancel_is_not_waited_for() -> None:
    enough = asyncio.Event()

    async def stubborn() -> None:
        while not enough.is_set():
            with suppress(asyncio.CancelledError):
                await enough.wait()

    async def waited_for() -> bool:
        asyncio.get_running_loop().call_later(30, enough.set)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await performed({"name": "stubborn", "args": {}}, {})
        ended = enough.is_set()
        enough.set()
        return ended

    task("stubborn")(stubborn)

    assert asyncio.run(waited_for()) is False


def test_task_is_registered_as_an_effect() -> None:
    assert (STEP_TYPES["task"].effect, STEP_TYPES["task"].timeout) == (True, 300)

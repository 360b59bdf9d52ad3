"""The step type `task`: a Python function that the deployer registered with `@task`."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from traceback import format_exception
from typing import Any

from marshmallow import ValidationError, validates_schema

from app import log, tasks
from app.errors import Fault
from app.steps.base import Call, Done, Failed, Outcome, Retry, step
from app.steps.fields import Object, StepArgs, Template, Text
from app.steps.secrets import SecretText, UnknownSecret, reveal
from app.steps.task_threads import MOST_GIVEN_UP, TooManyGivenUp, threads
from app.tasks import NonRetryable, Task

Json = Any
Mask = Callable[[str], str]
MOST_DEPTH = 64
SAFE_INTEGER = 2**53 - 1

logger = log.get(__name__)


class TaskStep(StepArgs):
    """What a `task` step takes."""

    name = Text(required=True)
    args = Object(load_default=dict)

    @validates_schema
    def _fits(self, data: Mapping[str, Json], **_: Any) -> None:
        name, args = data.get("name"), data.get("args")
        if not isinstance(name, str):
            return
        if name not in tasks.TASKS:
            raise ValidationError(_nowhere(name), "name")
        if isinstance(args, dict):
            _, faults = tasks.TASKS[name].fit(as_known(args))
            if faults:
                raise ValidationError({"args": {fault.path: [fault.message] for fault in faults}})


def as_known(value: Json) -> Json:
    """Give what is known of a value before the step runs: a text with something in it is a text."""
    if isinstance(value, Template) and value.exact:
        return tasks.UNKNOWN
    if isinstance(value, Template | SecretText):
        return ""
    if isinstance(value, dict):
        return {key: as_known(member) for key, member in value.items()}
    if isinstance(value, list):
        return [as_known(member) for member in value]
    return value


@step("task", schema=TaskStep, effect=True, timeout=300)
async def task(call: Call) -> Outcome:
    """Call the function; what it raises may be tried again unless it is NonRetryable."""
    found = tasks.TASKS.get(call.args["name"])
    if found is None:
        return Failed(_nowhere(call.args["name"]))
    try:
        args, faults = found.fit(reveal(call.args["args"], call.secrets))
    except UnknownSecret as problem:
        return Failed(str(problem))
    if faults:
        return Failed(_said(faults))
    if found.in_loop:
        return await _in_loop(found, args, call.mask)
    return await _in_thread(found, args, call.mask)


async def _in_thread(found: Task, args: dict[str, Json], mask: Mask) -> Outcome:
    def work() -> Outcome:
        try:
            return _done(found, found.function(**args))
        except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever a deployer's function raises
            return _raised(found, error, mask)

    try:
        return await threads().run(work)
    except TooManyGivenUp:
        return Retry(
            f"This worker runs no more tasks: {MOST_GIVEN_UP} that were cancelled or took too long have never"
            " returned. Let them ask check_cancelled(), and start the worker again."
        )


async def _in_loop(found: Task, args: dict[str, Json], mask: Mask) -> Outcome:
    """Await a coroutine; a cancel is passed on to it, but not waited for."""

    async def work() -> Outcome:
        try:
            return _done(found, await found.function(**args))
        except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever a deployer's function raises
            return _raised(found, error, mask)

    running = asyncio.create_task(work())
    try:
        await asyncio.wait([running])
    except asyncio.CancelledError:
        running.cancel()
        raise
    return Retry(f"The task {found.name} cancelled itself") if running.cancelled() else running.result()


def _raised(found: Task, error: BaseException, mask: Mask) -> Outcome:
    if isinstance(error, NonRetryable):
        return Failed(str(error) or f"The task {found.name} failed")
    # What it raised may name what it was given, which may be secret.
    logger.warning("a task raised", task=found.name, exception=mask("".join(format_exception(error))))
    name = type(error).__name__
    return Retry(f"{name}: {error}" if str(error) else name)


def _done(found: Task, result: Json) -> Outcome:
    try:
        return Done(_json(result, "its result", 0))
    except _NotJson as problem:
        return Failed(f"The task {found.name} returned what is not JSON: {problem}.")


class _NotJson(Exception):
    """What a function returned cannot be written as JSON; the message says what and where."""


def _json(value: Json, path: str, depth: int) -> Json:
    """Give a value as plain JSON."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return _number(value, path)
    if depth > MOST_DEPTH:
        raise _NotJson(f"it is nested deeper than {MOST_DEPTH}")
    if isinstance(value, list | tuple):
        return [_json(member, f"{path}[{number}]", depth + 1) for number, member in enumerate(value)]
    if isinstance(value, dict):
        return {_key(key, path): _json(member, f"{path}.{key}", depth + 1) for key, member in value.items()}
    raise _NotJson(f"{path} is a {type(value).__name__}")


def _number(value: int | float, path: str) -> int | float:
    if isinstance(value, int) and abs(value) > SAFE_INTEGER:
        raise _NotJson(f"{path} is a whole number beyond ±(2^53-1); return it as text")
    if not isfinite(value):
        raise _NotJson(f"{path} is {value}")
    return value


def _key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise _NotJson(f"{path} has the key {key!r}, which is no text")
    return key


def _nowhere(name: str) -> str:
    known = ", ".join(sorted(tasks.TASKS))
    there = f"there are {known}" if known else "no module in TASK_MODULES registers any"
    return f"There is no task {name}{tasks.near(name, tasks.TASKS)}; {there}."


def _said(faults: Iterable[Fault]) -> str:
    return " ".join(f"args.{fault.path}: {fault.message}" for fault in faults)

"""Waiting for news from outside: a signal, or the end of a child execution."""

import re
from datetime import datetime, timedelta
from typing import Any

from app.engine.progress import Progress, Unit
from app.engine.stored import stored
from app.engine.workplace import Workplace
from app.states import Status
from app.steps.base import Child, Done, Failed, Outcome, Retry
from app.steps.definition import MOST_SECONDS
from app.store import children, news
from app.strictjson import loads_stored

LOOK_SECONDS = 1.0
MOST_INPUT_BYTES = 1024 * 1024
# What a child says that failed because of a child of its own.
_OF_A_CHILD = re.compile(
    r"The step .{1,200}? failed: (?:Item \d+ failed: )?The child execution [0-9a-f-]{36} failed: ", re.DOTALL
)


async def for_signal(at: Workplace, progress: Progress, unit: Unit, limit: datetime) -> Outcome:
    """Give the payload of the step's signal, or fail after `limit`."""
    while True:
        payload: str | None = await at.desk.ask(news.signal, at.key.id, progress.step.id)
        if payload is not None:
            return Done(loads_stored(payload))
        if at.now() >= limit:
            return Failed(f"No signal came within {progress.step.timeout_seconds:g} s")
        await at.park(progress, unit, limit, at_most=LOOK_SECONDS)


async def start_child(at: Workplace, progress: Progress, unit: Unit, wanted: Child) -> Outcome:
    """Start a child execution, once however often this is repeated; with `wait`, end as it does."""
    place = place_of(progress, unit)
    if len(stored(wanted.input).encode()) > MOST_INPUT_BYTES:
        return Failed("The input of the child is larger than 1 MiB")
    parent = children.Parent(at.key.id, at.key.workspace_id, at.key.claim_no, at.desk.worker)
    row: Any = await at.desk.start_child(parent, place, wanted.workflow_id, wanted.input)
    if isinstance(row, children.Refused):
        return Failed(row.why, row.reason)
    if not wanted.wait:
        return Done({"executionId": str(row.id)})
    seconds = progress.step.timeout_seconds
    return await for_child(
        at, progress, unit, at.now() + timedelta(seconds=seconds) if seconds < MOST_SECONDS else None
    )


async def for_child(at: Workplace, progress: Progress, unit: Unit, limit: datetime | None) -> Outcome:
    """Wait for the end of the child that this attempt started; after `limit` cancel it.

    What failed or took too long gives Retry: the next attempt starts another child.
    """
    place = place_of(progress, unit)
    while True:
        row: Any = await at.desk.ask(news.child, at.key.id, place)
        if row is None:
            return Failed("The child execution is gone")
        if row.status == Status.COMPLETED:
            return Done(None if row.output is None else loads_stored(row.output))
        if row.status == Status.FAILED:
            return Retry(f"The child execution {row.id} failed: {_cause(row.error)}")
        if row.status == Status.CANCELLED:
            return Failed(f"The child execution {row.id} was cancelled")
        if limit is not None and at.now() >= limit:
            at.desk.ledger.cancel_children(at.key, [place])
            seconds = progress.step.timeout_seconds
            return Retry(f"The child execution {row.id} took longer than {seconds:g} s")
        await at.park(progress, unit, limit, at_most=LOOK_SECONDS)


def _cause(error: str) -> str:
    """Give why a child failed, without naming all the executions that failed only because it did."""
    while (found := _OF_A_CHILD.match(error)) is not None:
        error = error[found.end() :]
    return error


def place_of(progress: Progress, unit: Unit) -> str:
    """Name the place of a child in its parent: `step` or `step[item]`; at attempt 2 `step[item:2]`."""
    attempt = f":{unit.attempt}" if unit.attempt > 1 else ""
    index = "" if unit.index is None else str(unit.index)
    return f"{progress.step.id}[{index}{attempt}]" if index or attempt else progress.step.id

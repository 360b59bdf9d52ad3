"""Waiting for news from outside: a signal, or the end of a child execution."""

from datetime import datetime, timedelta
from typing import Any

from app.engine.progress import Progress, Unit
from app.engine.stored import stored
from app.engine.workplace import Workplace
from app.states import Status
from app.steps.base import Child, Done, Failed, Outcome
from app.steps.definition import MOST_SECONDS
from app.store import children, news
from app.strictjson import loads_stored

LOOK_SECONDS = 1.0
MOST_INPUT_BYTES = 1024 * 1024


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
    """Wait for the end of the child that this unit started; after `limit` cancel it and fail."""
    place = place_of(progress, unit)
    while True:
        row: Any = await at.desk.ask(news.child, at.key.id, place)
        if row is None:
            return Failed("The child execution is gone")
        if row.status == Status.COMPLETED:
            return Done(None if row.output is None else loads_stored(row.output))
        if row.status == Status.FAILED:
            return Failed(f"The child execution {row.id} failed: {row.error}")
        if row.status == Status.CANCELLED:
            return Failed(f"The child execution {row.id} was cancelled")
        if limit is not None and at.now() >= limit:
            at.desk.ledger.cancel_children(at.key, [place])
            seconds = progress.step.timeout_seconds
            return Failed(f"The child execution {row.id} took longer than {seconds:g} s")
        await at.park(progress, unit, limit, at_most=LOOK_SECONDS)


def place_of(progress: Progress, unit: Unit) -> str:
    """Name the place of a child in its parent: the step, and the item where there are several."""
    return progress.step.id if unit.index is None else f"{progress.step.id}[{unit.index}]"

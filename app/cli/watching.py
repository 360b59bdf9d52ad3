"""Follows one execution until it has ended."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from app.cli.output import duration
from app.services import execution_views
from app.services.scope import Scope
from app.states import FINAL, StepStatus

LOOK_SECONDS = 0.3
NOT_BEGUN: tuple[object, ...] = (StepStatus.PENDING.value, 0, None, None)
Form = dict[str, Any]


class Change(NamedTuple):
    """Something that is not as it was: the `execution` or a `step`, as it is now."""

    event: str
    data: Form


def changes(scope: Scope, execution_id: UUID) -> Iterator[Change]:
    """Give each change of the execution and its steps, beginning with what there is; raise NotFound."""
    seen: dict[str, tuple[object, ...]] = {}
    while True:
        detail = execution_views.detail(scope, execution_id)
        steps = [Change("step", step) for step in detail.pop("steps")]
        whole = [Change("execution", detail)]
        ended = detail["status"] in FINAL
        for change in steps + whole if ended else whole + steps:
            if _is_news(seen, change):
                yield change
        if ended:
            return
        time.sleep(LOOK_SECONDS)


def line(change: Change) -> str:
    """Write a change as a line: when, what, its new status, and why."""
    data = change.data
    at = data["completedAt"] or data["startedAt"] or data.get("createdAt") or ""
    name = data["stepId"] if change.event == "step" else "execution"
    notes = [data.get("reason"), duration(data["durationMs"]), _attempt(change), data["error"]]
    text = ", ".join(note for note in notes if note)
    return f"{at[11:19]:8}  {name:<20}  {data['status']:<9}  {text}".rstrip()


def _is_news(seen: dict[str, tuple[object, ...]], change: Change) -> bool:
    """Compare with what was seen last; a step that has not begun is no news."""
    data = change.data
    now: tuple[object, ...] = (data["status"], data["attempt"], data.get("reason"), data["wakeAt"])
    before = seen.get(data["id"], NOT_BEGUN)
    seen[data["id"]] = now
    return now != before


def _attempt(change: Change) -> str:
    number = change.data["attempt"]
    return f"attempt {number}" if change.event == "step" and number > 1 else ""

"""A row of the list of executions: what the table shows of one, worked out of its list form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.states import ACTIVE, Reason, Status

Form = Mapping[str, Any]
MOST_TAGS = 2
MOST_LETTERS = 200
BAR = 100


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar, from `x` on; `kind` is a status. The whole is BAR wide."""

    x: float
    width: float
    kind: str


@dataclass(frozen=True, slots=True)
class ListRow:
    """One execution; times that tick have `…_since` while their milliseconds are None."""

    execution: Form
    href: str
    trigger_href: str | None
    starts_at: str | None
    queued_ms: float | None
    queued_since: str | None
    took_since: str | None
    parts: list[Part]
    error: str | None

    @property
    def shown_tags(self) -> list[str]:
        """List the tags that there is room for."""
        tags: list[str] = self.execution["tags"]
        return tags[:MOST_TAGS]

    @property
    def other_tags(self) -> list[str]:
        """List the rest."""
        tags: list[str] = self.execution["tags"]
        return tags[MOST_TAGS:]


def rows(executions: Sequence[Form], place: str, ended: Mapping[str, tuple[int, int]]) -> list[ListRow]:
    """Work out rows; `place` is the path of the space, `ended` completed and failed steps by id."""
    return [_row(execution, place, ended.get(execution["id"])) for execution in executions]


def _row(execution: Form, place: str, ended: tuple[int, int] | None) -> ListRow:
    queued_ms, queued_since = _queued(execution)
    delayed = execution["reason"] == Reason.DELAYED
    return ListRow(
        execution=execution,
        href=f"{place}/executions/{execution['id']}",
        trigger_href=_trigger_href(execution, place),
        starts_at=execution["runAt"] if delayed else None,
        queued_ms=queued_ms,
        queued_since=None if delayed else queued_since,
        took_since=None if execution["completedAt"] else execution["startedAt"],
        parts=parts(execution, ended),
        error=_first_line(execution["error"]),
    )


def _trigger_href(execution: Form, place: str) -> str | None:
    """Lead to the schedule or webhook that made it."""
    if execution["scheduleId"]:
        return f"{place}/schedules/{execution['scheduleId']}"
    if execution["webhookId"]:
        return f"{place}/webhooks/{execution['webhookId']}"
    return None


def _queued(execution: Form) -> tuple[float | None, str | None]:
    """Tell how long it was in the queue, or since when it is; neither when it never left it."""
    since = max(execution["createdAt"], execution["runAt"] or "")
    if execution["startedAt"]:
        waited = datetime.fromisoformat(execution["startedAt"]) - datetime.fromisoformat(since)
        return max(0.0, waited.total_seconds() * 1000), None
    return None, since if execution["status"] == Status.PENDING else None


def parts(execution: Form, ended: tuple[int, int] | None) -> list[Part]:
    """Cut the bar of steps: completed, then failed ones; what runs goes on where they end.

    Of a finished one `ended` counts the completed and the failed steps; else, and of one that completed, all
    that ended count as done.
    """
    total, status = execution["stepsTotal"], execution["status"]
    if total == 0:
        return []
    done, failed = ended or (execution["stepsDone"], 0)
    if status == Status.COMPLETED:
        done = total
    if status == Status.FAILED and not failed:
        failed = 1
    done = min(done, total - failed)
    kind = Status.COMPLETED if status not in ACTIVE else Status.RUNNING
    cut = [Part(0, BAR * done / total, kind), Part(BAR * done / total, BAR * failed / total, Status.FAILED)]
    return [part for part in cut if part.width > 0]


def _first_line(text: str | None) -> str | None:
    lines = (text or "").strip().splitlines()
    return lines[0][:MOST_LETTERS] if lines else None

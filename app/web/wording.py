"""The words and icons of statuses, reasons and triggers, and how times read; scripts take them from here."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from app.clock import rfc3339
from app.states import Reason, Status, StepStatus, TriggeredBy

STATUSES: dict[str, dict[str, str]] = {
    StepStatus.PENDING: {"label": "Pending", "icon": "clock"},
    StepStatus.RUNNING: {"label": "Running", "icon": "running"},
    StepStatus.WAITING: {"label": "Waiting", "icon": "hourglass"},
    StepStatus.COMPLETED: {"label": "Completed", "icon": "check"},
    StepStatus.FAILED: {"label": "Failed", "icon": "alert"},
    StepStatus.SKIPPED: {"label": "Skipped", "icon": "skip"},
    StepStatus.CANCELLED: {"label": "Cancelled", "icon": "ban"},
}
REASONS: dict[str, str] = {
    Reason.QUEUED: "Waits for a free worker.",
    Reason.CONCURRENCY: "Waits because as many run at once as may.",
    Reason.DELAYED: "Its time to start has not come.",
    Reason.PAUSED: "The queue is paused.",
    Reason.OVERLAP: "The schedule lets one run at a time.",
    Reason.WAITING: "A step waits for a time, a signal or another execution.",
    Reason.CANCELLING: "Its worker is stopping it.",
    Reason.STEP_FAILED: "A step failed.",
    Reason.TIMEOUT: "It took longer than it may.",
    Reason.CRASHED: "Its workers were lost too often.",
    Reason.QUOTA_EXCEEDED: "A quota of the workspace was reached.",
    Reason.INVALID_DEFINITION: "Its workflow is gone or not valid any more.",
    Reason.REQUESTED: "Somebody cancelled it.",
    Reason.BULK: "It was cancelled together with others.",
    Reason.PARENT: "The execution that started it was cancelled.",
    Reason.DELETED: "Its workflow or space was deleted.",
}
TRIGGERS: dict[str, dict[str, str]] = {
    TriggeredBy.MANUAL: {"label": "Manual", "icon": "hand"},
    TriggeredBy.SCHEDULE: {"label": "Schedule", "icon": "calendar"},
    TriggeredBy.WEBHOOK: {"label": "Webhook", "icon": "webhook"},
    TriggeredBy.API: {"label": "API", "icon": "code"},
}
EXECUTION_STATUSES = [status.value for status in Status]
VOCABULARY: dict[str, Any] = {
    "statuses": STATUSES,
    "reasons": REASONS,
    "triggers": TRIGGERS,
    "executionStatuses": EXECUTION_STATUSES,
}

NOTHING = "\N{EN DASH}"
UNITS = ((86_400_000, "d", 3_600_000, "h"), (3_600_000, "h", 60_000, "m"), (60_000, "m", 1_000, "s"))


def duration(milliseconds: float | None) -> str:
    """Write a length of time in at most two units, such as `340 ms`, `4.2 s`, `3 m 12 s`."""
    if milliseconds is None:
        return NOTHING
    if milliseconds < 1_000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1_000:.1f} s"
    for size, name, smaller, its_name in UNITS:
        if milliseconds >= size:
            whole, rest = divmod(milliseconds, size)
            return f"{whole:.0f} {name} {rest // smaller:.0f} {its_name}"
    raise AssertionError("the smallest unit is a minute")


def instant(at: datetime | str | None) -> str:
    """Write a time for machines, RFC 3339 in UTC."""
    return at if isinstance(at, str) else rfc3339(at) or ""


def moment(at: datetime | str | None) -> str:
    """Write a time for people whose script is off: to the second, in UTC."""
    if at is None:
        return NOTHING
    found = datetime.fromisoformat(at) if isinstance(at, str) else at
    return found.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def short_id(id: object) -> str:
    """Cut an id to its end, where UUIDv7 is random: `…a1b2c3d4`."""
    return str(id)[-8:]


FILTERS: dict[str, Callable[..., str]] = {
    "duration": duration,
    "instant": instant,
    "moment": moment,
    "short_id": short_id,
}

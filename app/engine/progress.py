"""How far each step of an execution is: its state in memory, and the row that records it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from app.clock import rfc3339
from app.engine.graph import Step
from app.states import STEP_FINAL, StepStatus
from app.steps.secrets import SecretText, masked
from app.store.steps import StepRow

Json = Any
MAX_OUTPUT_BYTES = 5 * 1024 * 1024


class Unstorable(Exception):
    """A value cannot be recorded as JSON; the message says why."""


def stored(value: Json) -> str:
    """Write a value as the JSON text that its column takes; raises Unstorable."""
    try:
        text = orjson.dumps(value, default=_placeholder)
    except (orjson.JSONEncodeError, UnicodeEncodeError, RecursionError) as error:
        raise Unstorable(f"The value cannot be written as JSON: {error}") from error
    if b"\\u0000" in text and "\\u0000" in text.decode().replace("\\\\", ""):
        raise Unstorable("The value holds the character NUL (U+0000), which cannot be stored")
    return text.decode()


def stored_output(value: Json) -> str:
    """Write a step's output; raises Unstorable also when it is over the limit."""
    text = stored(value)
    if len(text) > MAX_OUTPUT_BYTES // 4 and len(text.encode()) > MAX_OUTPUT_BYTES:
        raise Unstorable("The output is larger than 5 MiB: make the step return less")
    return text


def sentence(text: str) -> str:
    """Make an error text fit for the database, and no longer than a person reads."""
    clean = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return clean if len(clean) <= 4000 else clean[:4000] + "…"


def _placeholder(value: object) -> Json:
    if isinstance(value, SecretText):
        return masked(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


@dataclass(slots=True)
class Progress:
    """One step of one execution."""

    step: Step
    status: StepStatus = StepStatus.PENDING
    attempt: int = 0
    input: str | None = None
    output: str | None = None
    error: str | None = None
    started_at: datetime | None = None
    attempt_started_at: datetime | None = None
    completed_at: datetime | None = None
    earlier: list[dict[str, Json]] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Tell whether nothing more happens to the step."""
        return self.status in STEP_FINAL

    @property
    def counts_as_completed(self) -> bool:
        """Tell whether a step that needs this one may run: completed, or failed with `onError: continue`."""
        return self.status is StepStatus.COMPLETED or (
            self.status is StepStatus.FAILED and self.step.on_error == "continue"
        )

    def restore(self, row: Any) -> None:
        """Take over what was recorded before a crash or a wait; an unfinished attempt is begun anew."""
        self.attempt, self.started_at = row.attempt, row.started_at
        self.earlier = [] if row.attempts is None else orjson.loads(row.attempts)
        if row.status in STEP_FINAL:
            self.status = StepStatus(row.status)
            self.output, self.error, self.completed_at = row.output, row.error, row.completed_at
        else:
            self.attempt = max(0, row.attempt - 1)

    def begin(self, at: datetime) -> None:
        """Start the next attempt."""
        self.status = StepStatus.RUNNING
        self.attempt += 1
        self.attempt_started_at = at
        self.started_at = self.started_at or at

    def failed_attempt(self, error: str, at: datetime) -> None:
        """Note an attempt that another one follows."""
        self.earlier.append(self._attempt(at, error))

    def end(self, status: StepStatus, at: datetime, error: str | None = None) -> None:
        """Note how the step ended."""
        at = max(at, self.started_at or at)
        if status is StepStatus.SKIPPED:
            self.attempt, self.started_at = 0, None
        if self.earlier and status is not StepStatus.SKIPPED:
            self.earlier.append(self._attempt(at, error))
        self.status, self.error, self.completed_at = status, error, at

    def row(self) -> StepRow:
        """Give the row that records all this."""
        step = self.step
        return StepRow(
            step_id=step.id,
            position=step.position,
            type=step.type,
            name=step.name,
            status=self.status,
            attempt=max(self.attempt, 1) if self.status is not StepStatus.SKIPPED else 0,
            input=self.input,
            output=self.output,
            error=self.error,
            started_at=self.started_at,
            completed_at=self.completed_at,
            attempts=orjson.dumps(self.earlier).decode() if self.earlier else None,
        )

    def _attempt(self, at: datetime, error: str | None) -> dict[str, Json]:
        return {
            "number": self.attempt,
            "startedAt": rfc3339(self.attempt_started_at),
            "completedAt": rfc3339(at),
            "error": error,
        }

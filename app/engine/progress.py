"""How far each step of an execution is: its state in memory, and the rows that record it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from app.clock import rfc3339
from app.engine.graph import Step
from app.states import STEP_FINAL, Reason, StepStatus
from app.store.steps import ItemRow, StepRow

Json = Any


@dataclass(slots=True, eq=False)
class Unit:
    """One thing to be done with attempts of its own: a step, or one item of a forEach (`index` from 0)."""

    index: int | None = None
    status: StepStatus = StepStatus.PENDING
    attempt: int = 0
    input: str | None = None
    output: str | None = None
    error: str | None = None
    reason: Reason | None = None
    started_at: datetime | None = None
    attempt_started_at: datetime | None = None
    completed_at: datetime | None = None
    wake_at: datetime | None = None
    earlier: list[dict[str, Json]] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Tell whether nothing more happens to it."""
        return self.status in STEP_FINAL

    @property
    def backs_off(self) -> bool:
        """Tell whether it waits for its next attempt: then its error is that of the last one."""
        return self.status is StepStatus.WAITING and self.error is not None

    def restore(self, row: Any) -> None:
        """Take over what was recorded before a crash or a wait; an unfinished attempt is begun anew."""
        self.attempt, self.output, self.error = row.attempt, row.output, row.error
        self.wake_at = row.wake_at
        if row.status in STEP_FINAL or row.status == StepStatus.WAITING:
            self.status = StepStatus(row.status)
        else:
            self.attempt = max(0, row.attempt - 1)

    def begin(self, at: datetime) -> None:
        """Start the next attempt."""
        self.status, self.wake_at, self.error = StepStatus.RUNNING, None, None
        self.attempt += 1
        self.attempt_started_at = at
        self.started_at = self.started_at or at

    def wait(self, until: datetime | None) -> None:
        """Wait for a time, or for news."""
        self.status, self.wake_at = StepStatus.WAITING, until

    def failed_attempt(self, error: str, at: datetime) -> None:
        """Note an attempt that another one follows."""
        self.earlier.append(self._attempt(at, error))
        self.error = error

    def end(self, status: StepStatus, at: datetime, error: str | None = None) -> None:
        """Note how it ended."""
        at = max(at, self.started_at or at)
        if status is StepStatus.SKIPPED:
            self.attempt, self.started_at = 0, None
        elif self.earlier:
            self.earlier.append(self._attempt(at, error))
        self.status, self.error, self.completed_at, self.wake_at = status, error, at, None

    def item_row(self, step_id: str) -> ItemRow:
        """Give the row that records an item."""
        index = self.index or 0
        return ItemRow(
            step_id, index, self.status, max(self.attempt, 1), self.output, self.error, self.wake_at
        )

    def _attempt(self, at: datetime, error: str | None) -> dict[str, Json]:
        return {
            "number": self.attempt,
            "startedAt": rfc3339(self.attempt_started_at),
            "completedAt": rfc3339(at),
            "error": error,
        }


@dataclass(slots=True, eq=False)
class Progress:
    """One step of one execution; `items` are the units of a forEach, once its list is known."""

    step: Step
    unit: Unit = field(default_factory=Unit)
    begun: bool = False
    items: list[Unit] | None = None
    recorded_items: dict[int, Any] = field(default_factory=dict)

    @property
    def status(self) -> StepStatus:
        """Give the step's status."""
        return self.unit.status

    @property
    def ended(self) -> bool:
        """Tell whether nothing more happens to the step."""
        return self.unit.ended

    @property
    def counts_as_completed(self) -> bool:
        """Tell whether a step that needs this one may run: completed, or failed with `onError: continue`."""
        return self.status is StepStatus.COMPLETED or (self.status is StepStatus.FAILED and self.continues)

    @property
    def continues(self) -> bool:
        """Tell whether the execution goes on after a failure of this step, or of one of its items."""
        return self.step.on_error == "continue" and self.step.type != "fail"

    def abort_items(self, at: datetime) -> list[Unit]:
        """Cancel the items in flight; gives them."""
        begun = (StepStatus.RUNNING, StepStatus.WAITING)
        aborted = [unit for unit in self.items or () if unit.status in begun]
        for unit in aborted:
            unit.end(StepStatus.CANCELLED, at)
        return aborted

    def restore(self, row: Any) -> None:
        """Take over what was recorded of the step before a crash or a wait."""
        unit = self.unit
        unit.restore(row)
        unit.started_at, unit.completed_at, unit.input = row.started_at, row.completed_at, row.input
        unit.earlier = [] if row.attempts is None else orjson.loads(row.attempts)
        if self.step.for_each is not None and not unit.ended:
            unit.status = StepStatus.PENDING

    def expand(self, count: int) -> list[Unit]:
        """Make the items of a forEach, with what was recorded of them before."""
        self.items = [Unit(index) for index in range(count)]
        for index, row in self.recorded_items.items():
            if index < count:
                self.items[index].restore(row)
        return self.items

    @property
    def units(self) -> list[Unit]:
        """List what is done in this step."""
        return [self.unit] if self.items is None else self.items

    def row(self) -> StepRow:
        """Give the row that records all this."""
        step, unit = self.step, self.unit
        return StepRow(
            step_id=step.id,
            position=step.position,
            type=step.type,
            name=step.name,
            status=unit.status,
            attempt=0 if unit.status is StepStatus.SKIPPED else max(unit.attempt, 1),
            input=unit.input,
            output=unit.output,
            error=unit.error,
            started_at=unit.started_at,
            completed_at=unit.completed_at,
            wake_at=unit.wake_at,
            items=None if self.items is None else self._count(self.items),
            attempts=orjson.dumps(unit.earlier).decode() if unit.earlier else None,
        )

    def _count(self, items: list[Unit]) -> str:
        ended = [unit.status for unit in items]
        counts = {
            "total": len(items),
            "completed": ended.count(StepStatus.COMPLETED),
            "failed": ended.count(StepStatus.FAILED),
        }
        return orjson.dumps(counts).decode()

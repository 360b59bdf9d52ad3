"""What changed about one execution since its last flush, gathered by the ledger."""

import asyncio
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from app.queue import Taken
from app.states import Reason, Status, StepStatus
from app.store.flushes import Settlement, Suspension
from app.store.steps import ItemRow, LogLine, StepRow

BASE_BYTES = 500


class Fate(Enum):
    """What a flush found out about an execution of ours."""

    OURS = "ours"
    CANCELLED = "cancelled"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Key:
    """An execution as this worker owns it: every write names the claim."""

    id: UUID
    workspace_id: UUID
    claim_no: int
    job_id: str | None
    parent_id: UUID | None = None


@dataclass(slots=True)
class Change:
    """All that is to be written of one execution in one flush; `end` settles it, `leave` hands it back.

    `rest` suspends it; `orphans` are the places of children that nobody waits for any more.
    """

    key: Key
    steps: dict[str, StepRow] = field(default_factory=dict)
    items: dict[tuple[str, int], ItemRow] = field(default_factory=dict)
    orphans: list[str] = field(default_factory=list)
    rest: Suspension | None = None
    logs: list[LogLine] = field(default_factory=list)
    done: int | None = None
    end: Settlement | None = None
    leave: bool = False
    cancel: bool = False
    waiters: list["asyncio.Future[Fate]"] = field(default_factory=list)

    @property
    def closes(self) -> bool:
        """Tell whether this worker is done with the execution after it."""
        return self.end is not None or self.leave or self.cancel or self.rest is not None

    @property
    def bare(self) -> bool:
        """Tell whether nothing is left in it that the database could refuse for its content."""
        texts = any(row.input or row.output for row in self.steps.values()) or bool(self.logs or self.items)
        return not texts and (self.end is None or self.end.output is None)

    def size(self) -> int:
        """Estimate the bytes that this change sends to the database."""
        texts = (text for row in self.steps.values() for text in (row.input, row.output, row.error) if text)
        lines = sum(len(line.message) for line in self.logs)
        items = sum(BASE_BYTES // 4 + len(item.output or "") for item in self.items.values())
        output = len(self.end.output or "") if self.end else 0
        return BASE_BYTES * (1 + len(self.steps)) + sum(map(len, texts)) + lines + items + output

    def without_payload(self, why: str) -> "Change":
        """Give what remains of a change that the database refuses: the execution fails, and says so."""
        sentence = f"A result could not be stored: {why}"
        steps = {row.step_id: _failed(row, sentence) for row in self.steps.values()}
        end = Settlement(Status.FAILED, Reason.STEP_FAILED, error=sentence)
        return Change(self.key, steps, done=self.done, end=end, waiters=self.waiters)


def _failed(row: StepRow, sentence: str) -> StepRow:
    """Give a step row without what may have been refused."""
    ended = row.completed_at is not None and row.status is not StepStatus.SKIPPED
    return StepRow(
        step_id=row.step_id,
        position=row.position,
        type=row.type,
        name=row.name,
        status=StepStatus.FAILED if ended else row.status,
        attempt=row.attempt,
        error=sentence if ended else None,
        started_at=row.started_at,
        completed_at=row.completed_at,
    )


@dataclass(slots=True)
class Batch:
    """One flush: jobs to claim and changes to write."""

    claims: list[Taken]
    changes: list[Change]

    def ids(self) -> list[UUID]:
        """Name every execution that the flush touches."""
        return [taken.execution_id for taken in self.claims] + [change.key.id for change in self.changes]

    def to_lock(self) -> list[UUID]:
        """Name the executions to lock before writing: the changed ones, and parents that an end may wake."""
        parents = [c.key.parent_id for c in self.changes if c.closes and c.key.parent_id is not None]
        return [change.key.id for change in self.changes] + parents

    def halves(self) -> "tuple[Batch, Batch]":
        """Split a batch that was refused."""
        claims, changes = len(self.claims) // 2, len(self.changes) // 2
        if not self.changes or not self.claims:
            return (
                Batch(self.claims[:claims], self.changes[:changes]),
                Batch(self.claims[claims:], self.changes[changes:]),
            )
        return Batch(self.claims, []), Batch([], self.changes)

    def __len__(self) -> int:
        return len(self.claims) + len(self.changes)

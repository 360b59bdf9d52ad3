"""Step executions and their log lines, as a worker's ledger writes and reads them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app.states import StepStatus
from app.store import arrays


@dataclass(slots=True)
class StepRow:
    """The latest state of a step execution; JSON columns hold JSON text."""

    step_id: str
    position: int
    type: str
    name: str | None
    status: StepStatus
    attempt: int
    input: str | None = None
    output: str | None = None
    error: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    wake_at: datetime | None = None
    items: str | None = None
    attempts: str | None = None


@dataclass(frozen=True, slots=True)
class ItemRow:
    """The latest state of one item of a forEach; `output` is JSON text."""

    step_id: str
    index: int
    status: StepStatus
    attempt: int
    output: str | None
    error: str | None
    wake_at: datetime | None


@dataclass(slots=True)
class Recorded:
    """What was recorded of an execution before a crash or a wait: rows of steps, and of unfinished items."""

    steps: list[Any] = field(default_factory=list)
    items: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a step's log."""

    step_id: str
    at: datetime
    level: str
    message: str


STEP_COLUMNS = (
    ("step_id", "text"),
    ("position", "smallint"),
    ("type", "text"),
    ("name", "text"),
    ("status", "step_status"),
    ("attempt", "smallint"),
    ("input", "jsonb"),
    ("output", "jsonb"),
    ("error", "text"),
    ("started_at", "timestamptz"),
    ("completed_at", "timestamptz"),
    ("wake_at", "timestamptz"),
    ("items", "jsonb"),
    ("attempts", "jsonb"),
)
WRITERS: dict[str, Callable[[list[Any]], str]] = {
    "text": arrays.texts,
    "jsonb": arrays.texts,
    "smallint": arrays.words,
    "step_status": arrays.words,
    "timestamptz": arrays.times,
}
_NAMES = ", ".join(f'"{name}"' for name, _ in STEP_COLUMNS)
_ARRAYS = ", ".join(f"%({name})s::{kind}[]" for name, kind in STEP_COLUMNS)
_CHANGES = ", ".join(
    f'"{name}" = EXCLUDED."{name}"' for name, _ in STEP_COLUMNS if name not in ("step_id", "position")
)

STEPS = f"""
INSERT INTO execution_steps (execution_id, workspace_id, {_NAMES})
SELECT * FROM unnest(%(execution_id)s::uuid[], %(workspace_id)s::uuid[], {_ARRAYS})
ON CONFLICT (execution_id, step_id) DO UPDATE SET {_CHANGES}
"""  # noqa: S608 -- the names are constants of this module


def write(tx: Connection, steps: Sequence[tuple[UUID, UUID, StepRow]]) -> None:
    """Write steps as (execution id, workspace id, row); their executions are locked and fenced by then."""
    columns = {
        name: WRITERS[kind]([getattr(row, name) for _, _, row in steps]) for name, kind in STEP_COLUMNS
    }
    columns["execution_id"] = arrays.ids(execution_id for execution_id, _, _ in steps)
    columns["workspace_id"] = arrays.ids(workspace_id for _, workspace_id, _ in steps)
    tx.exec_driver_sql(STEPS, columns)


ITEMS = """
INSERT INTO execution_step_items (execution_id, step_id, index, status, attempt, output, error, wake_at)
SELECT * FROM unnest(%(execution_id)s::uuid[], %(step_id)s::text[], %(index)s::int[],
  %(status)s::step_status[], %(attempt)s::smallint[], %(output)s::jsonb[], %(error)s::text[],
  %(wake_at)s::timestamptz[])
ON CONFLICT (execution_id, step_id, index) DO UPDATE SET status = EXCLUDED.status,
  attempt = EXCLUDED.attempt, output = EXCLUDED.output, error = EXCLUDED.error, wake_at = EXCLUDED.wake_at
"""


def write_items(tx: Connection, items: Sequence[tuple[UUID, ItemRow]]) -> None:
    """Write items of forEach steps; their step executions exist by then."""
    names = ("step_id", "index", "attempt", "output", "error", "wake_at")
    columns: dict[str, list[Any]] = {name: [getattr(row, name) for _, row in items] for name in names}
    columns["status"] = [row.status.value for _, row in items]
    columns["execution_id"] = [str(execution_id) for execution_id, _ in items]
    tx.exec_driver_sql(ITEMS, columns)


RECORDED_ITEMS = """
SELECT i.execution_id, i.step_id, i.index, i.status, i.attempt, i.output::text AS output, i.error, i.wake_at
FROM execution_step_items i JOIN execution_steps s USING (execution_id, step_id)
WHERE i.execution_id = ANY(%(ids)s::uuid[]) AND s.completed_at IS NULL
"""

LOGS = """
INSERT INTO execution_step_logs (execution_id, step_id, at, level, message)
SELECT * FROM unnest(%(execution_id)s::uuid[], %(step_id)s::text[], %(at)s::timestamptz[], %(level)s::text[],
  %(message)s::text[])
"""


def write_logs(tx: Connection, lines: Sequence[tuple[UUID, LogLine]]) -> None:
    """Append log lines; their step executions exist by then."""
    tx.exec_driver_sql(
        LOGS,
        {
            "execution_id": [str(execution_id) for execution_id, _ in lines],
            "step_id": [line.step_id for _, line in lines],
            "at": [line.at for _, line in lines],
            "level": [line.level for _, line in lines],
            "message": [line.message for _, line in lines],
        },
    )


RECORDED = """
SELECT execution_id, step_id, status, attempt, input::text AS input, output::text AS output, error,
  started_at, completed_at, wake_at, attempts::text AS attempts
FROM execution_steps WHERE execution_id = ANY(%(ids)s::uuid[])
"""


def recorded_of(tx: Connection, ids: Sequence[UUID]) -> dict[UUID, Recorded]:
    """Give what was recorded of executions that go on after a wait or a crash, by execution id."""
    found = {execution_id: Recorded() for execution_id in ids}
    given = {"ids": [str(i) for i in ids]}
    for row in tx.exec_driver_sql(RECORDED, given):
        found[row.execution_id].steps.append(row)
    for row in tx.exec_driver_sql(RECORDED_ITEMS, given):
        found[row.execution_id].items.append(row)
    return found


CANCEL = """
UPDATE execution_steps
SET status = 'cancelled', completed_at = greatest(clock_timestamp(), started_at), wake_at = NULL
WHERE execution_id = ANY(%(ids)s::uuid[]) AND status IN ('pending', 'running', 'waiting')
"""

CANCEL_ITEMS = """
UPDATE execution_step_items SET status = 'cancelled', wake_at = NULL
WHERE execution_id = ANY(%(ids)s::uuid[]) AND status IN ('pending', 'running', 'waiting')
"""


def cancel_of(tx: Connection, execution_ids: Sequence[UUID]) -> None:
    """Cancel what had begun and not ended of executions that end now."""
    given = {"ids": [str(i) for i in execution_ids]}
    tx.exec_driver_sql(CANCEL, given)
    tx.exec_driver_sql(CANCEL_ITEMS, given)

"""Step executions and their log lines, as a worker's ledger writes and reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app.states import StepStatus


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
    columns: dict[str, list[Any]] = {
        name: [getattr(row, name) for _, _, row in steps] for name, _ in STEP_COLUMNS
    }
    columns["status"] = [row.status.value for _, _, row in steps]
    columns["execution_id"] = [str(execution_id) for execution_id, _, _ in steps]
    columns["workspace_id"] = [str(workspace_id) for _, workspace_id, _ in steps]
    tx.exec_driver_sql(STEPS, columns)


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
SELECT execution_id, step_id, status, attempt, output::text AS output, error, started_at, completed_at,
  wake_at,  items::text AS items, attempts::text AS attempts
FROM execution_steps WHERE execution_id = ANY(%(ids)s::uuid[])
"""


def recorded_of(tx: Connection, ids: Sequence[UUID]) -> dict[UUID, list[Any]]:
    """Give the recorded steps of executions that go on after a wait or a crash, by execution id."""
    found: dict[UUID, list[Any]] = {}
    for row in tx.exec_driver_sql(RECORDED, {"ids": [str(i) for i in ids]}):
        found.setdefault(row.execution_id, []).append(row)
    return found


CANCEL = """
UPDATE execution_steps
SET status = 'cancelled', completed_at = greatest(clock_timestamp(), started_at), wake_at = NULL
WHERE execution_id = ANY(%(ids)s::uuid[]) AND status IN ('pending', 'running', 'waiting')
"""


def cancel_of(tx: Connection, execution_ids: Sequence[UUID]) -> None:
    """Cancel what had begun and not ended of executions that end now."""
    tx.exec_driver_sql(CANCEL, {"ids": [str(i) for i in execution_ids]})

"""What a retry by hand reads of the execution that it repeats, and what it takes over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app.states import StepStatus


@dataclass(frozen=True, slots=True)
class Reused:
    """A completed step that a retry takes over, and its position in the version that the retry runs."""

    step_id: str
    position: int


def step_ends(tx: Connection, workspace_id: UUID, execution_id: UUID) -> dict[str, StepStatus]:
    """Give how far the steps of an execution came, those that never began left out."""
    query = """
    SELECT step_id, status::text AS status FROM execution_steps
    WHERE execution_id = %(id)s::uuid AND workspace_id = %(workspace)s::uuid
    """
    rows = tx.exec_driver_sql(query, {"id": str(execution_id), "workspace": str(workspace_id)})
    return {row.step_id: StepStatus(row.status) for row in rows}


DEFINITIONS = """
SELECT v.number, v.definition::text AS definition, v.number = w.version AS current
FROM workflows w JOIN workflow_versions v ON v.workflow_id = w.id AND v.number IN (w.version, %(version)s)
WHERE w.workspace_id = %(workspace)s::uuid AND w.id = %(workflow)s::uuid AND w.deleted_at IS NULL
"""


def definitions(tx: Connection, workspace_id: UUID, workflow_id: UUID, version: int) -> list[Any]:
    """Give `number, definition (text), current` of a workflow's version and of its current one."""
    given = {"workspace": str(workspace_id), "workflow": str(workflow_id), "version": version}
    return list(tx.exec_driver_sql(DEFINITIONS, given))


_SAME = """workspace_id, step_id, type, name, status, attempt, input, output, error, started_at, completed_at,
  items, attempts"""
STEPS = f"""
INSERT INTO execution_steps (execution_id, reused_from, position, {_SAME})
SELECT u.taker, s.execution_id, u.position, {", ".join(f"s.{name.strip()}" for name in _SAME.split(","))}
FROM unnest(%(taker)s::uuid[], %(giver)s::uuid[], %(step)s::text[], %(position)s::smallint[])
  u(taker, giver, step_id, position)
JOIN execution_steps s ON s.execution_id = u.giver AND s.step_id = u.step_id AND s.status = 'completed'
"""  # noqa: S608 -- the names are constants of this module

ITEMS = """
INSERT INTO execution_step_items (execution_id, step_id, index, status, attempt, output, error)
SELECT u.taker, i.step_id, i.index, i.status, i.attempt, i.output, i.error
FROM unnest(%(taker)s::uuid[], %(giver)s::uuid[], %(step)s::text[]) u(taker, giver, step_id)
JOIN execution_step_items i ON i.execution_id = u.giver AND i.step_id = u.step_id
"""


def take_over_steps(tx: Connection, taken: Sequence[tuple[UUID, UUID, Sequence[Reused]]]) -> None:
    """Copy completed steps with their items, for each (new execution, retried one, steps); never commits."""
    each = [(str(taker), str(giver), step) for taker, giver, steps in taken for step in steps]
    if not each:
        return
    columns = {
        "taker": [taker for taker, _, _ in each],
        "giver": [giver for _, giver, _ in each],
        "step": [step.step_id for _, _, step in each],
        "position": [step.position for _, _, step in each],
    }
    tx.exec_driver_sql(STEPS, columns)
    tx.exec_driver_sql(ITEMS, columns)

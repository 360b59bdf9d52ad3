"""Executions and steps put straight into the tables, in states that a test of reading wants to see."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import Table, insert, update

from app.clock import new_id
from app.extensions import db
from app.models.execution_steps import ExecutionStep, ExecutionStepItem, ExecutionStepLog
from app.models.executions import Execution

AT = datetime(2026, 1, 1, tzinfo=UTC)
ENDED = {"started_at": AT, "completed_at": AT}
COLUMNS: dict[str, dict[str, Any]] = {
    "pending": {},
    "running": {"reason": None, "started_at": AT, "worker": "worker", "lease_expires_at": AT},
    "completed": {"reason": None, **ENDED},
    "failed": {"reason": "step_failed", "error": "Step fetch failed: HTTP 503", **ENDED},
    "cancelled": {"reason": "requested", **ENDED},
}


def add_execution(app: Flask, workflow: dict[str, Any], status: str = "completed", **columns: Any) -> str:
    """Insert one execution of a workflow and give its id."""
    row = {
        "id": new_id(),
        "workspace_id": _owner(app, workflow),
        "space_id": workflow["spaceId"],
        "workflow_id": workflow["id"],
        "workflow_name": workflow["name"],
        "workflow_version": workflow["version"],
        "status": status,
        "triggered_by": "api",
        "input": {},
        "steps_total": 1,
        **COLUMNS[status],
        **columns,
    }
    _insert(app, Execution, row)
    return str(row["id"])


def change_execution(app: Flask, execution_id: str, **columns: Any) -> None:
    """Change columns of an execution that has not ended."""
    with app.app_context(), db.engine.begin() as tx:
        table: Any = Execution.__table__
        tx.execute(update(table).where(table.c.id == UUID(execution_id)).values(**columns))


def add_step(app: Flask, workflow: dict[str, Any], execution_id: str, **columns: Any) -> None:
    """Insert one step execution, completed unless told otherwise."""
    row = {
        "execution_id": execution_id,
        "step_id": "one",
        "workspace_id": _owner(app, workflow),
        "position": 0,
        "type": "transform",
        "name": None,
        "status": "completed",
        "attempt": 1,
        **ENDED,
        **columns,
    }
    _insert(app, ExecutionStep, row)


def add_items(app: Flask, execution_id: str, outputs: list[Any]) -> None:
    """Insert completed items of the step `one`."""
    for index, output in enumerate(outputs):
        item = {"execution_id": execution_id, "step_id": "one", "index": index, "output": output}
        _insert(app, ExecutionStepItem, item | {"status": "completed", "attempt": 1})


def add_log_lines(app: Flask, execution_id: str, messages: list[str]) -> None:
    """Insert log lines of the step `one`."""
    for message in messages:
        line = {"execution_id": execution_id, "step_id": "one", "at": AT, "level": "info", "message": message}
        _insert(app, ExecutionStepLog, line)


def _insert(app: Flask, model: Any, row: dict[str, Any]) -> None:
    table: Table = model.__table__
    with app.app_context(), db.engine.begin() as tx:
        tx.execute(insert(table).values(row))


def _owner(app: Flask, workflow: dict[str, Any]) -> UUID:
    with app.app_context(), db.engine.connect() as tx:
        query = "SELECT workspace_id FROM workflows WHERE id = %(id)s::uuid"
        found: UUID = tx.exec_driver_sql(query, {"id": workflow["id"]}).scalar_one()
    return found

"""A space with executions of many kinds, put straight into its table, for pictures and tests of the list."""

from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import text

from app.clock import now
from app.extensions import db
from tests.api.caller import DEFINITION, Caller

NAMES = ("Send invoices", "Sync customers to the warehouse", "Nightly report", "Onboard a new customer")
TAGS = ([], [], ["eu"], ["eu", "priority"], ["us", "priority", "beta", "retry-safe"])
TRIGGERS = ("api", "api", "schedule", "webhook", "manual")
ENDS = ("completed",) * 12 + ("failed", "failed", "cancelled", "running")
STEPS = 5
ADD = """
INSERT INTO executions (id, workspace_id, space_id, workflow_id, workflow_name, workflow_version, status,
  reason, triggered_by, input, error, created_at, started_at, completed_at, run_at, worker,
  lease_expires_at, steps_total, steps_done, tags, attempt)
VALUES (:id, :workspace, :space, :workflow, :name, :version, CAST(:status AS execution_status),
  :reason, CAST(:trigger AS triggered_by), '{}', :error, :created, :started, :ended, :run_at, :worker,
  :lease, :total, :done, :tags, :attempt)
"""


def workflow(caller: Caller, name: str) -> str:
    """Save a workflow; gives its id."""
    reply = caller.post(f"{caller.space}/workflows", {"name": name, "definition": DEFINITION})
    assert reply.status_code == 201, reply.text
    return str(reply.json["id"])


def furnish(app: Flask, caller: Caller, count: int = 400, hours: float = 20) -> None:
    """Fill the space; what runs is owned by a worker that nobody misses for a day."""
    workflows = [(workflow(caller, name), name) for name in NAMES]
    dice = Random(7)
    newest = now() - timedelta(seconds=20)
    times = sorted(newest - timedelta(hours=hours * dice.random() ** 2) for _ in range(count))
    rows = [_row(caller, at, dice, *workflows[dice.randrange(len(NAMES))]) for at in times]
    rows.append(_delayed(rows[-1]))
    with app.app_context(), db.engine.begin() as tx:
        tx.execute(text(ADD), rows)


def _row(caller: Caller, at: datetime, dice: Random, workflow_id: str, name: str) -> dict[str, Any]:
    status = dice.choice(ENDS)
    if status == "running" and now() - at > timedelta(hours=1):
        status = "completed"
    started, took = (
        at + timedelta(milliseconds=dice.randrange(5, 900)),
        timedelta(seconds=dice.random() ** 3 * 90),
    )
    running = status == "running"
    return {
        "id": str(_id_at(at, dice)),
        "workspace": str(caller.workspace_id),
        "space": str(caller.space_id),
        "workflow": workflow_id,
        "name": name,
        "version": dice.randrange(1, 4),
        "status": status,
        "reason": {"failed": "step_failed", "cancelled": "requested"}.get(status),
        "trigger": dice.choice(TRIGGERS),
        "error": "Step charge failed: HTTP 502 from payments.example.com" if status == "failed" else None,
        "created": at,
        "started": started,
        "ended": None if running else started + took,
        "run_at": None,
        "worker": "w1" if running else None,
        "lease": now() + timedelta(days=1) if running else None,
        "total": STEPS,
        "done": STEPS if status == "completed" else dice.randrange(1, STEPS),
        "tags": dice.choice(TAGS),
        "attempt": 2 if dice.random() < 0.05 else 1,
    }


def _delayed(row: dict[str, Any]) -> dict[str, Any]:
    """Make one whose time has not come."""
    at = now()
    other = {"id": str(_id_at(at, Random(1))), "created": at, "run_at": at + timedelta(hours=2), "done": 0}
    ends = {"status": "pending", "reason": "queued", "error": None, "started": None, "ended": None}
    return row | other | ends | {"worker": None, "lease": None, "attempt": 1}


def _id_at(at: datetime, dice: Random) -> UUID:
    """Make a UUIDv7 of another time."""
    milliseconds = int(at.timestamp() * 1000)
    return UUID(
        int=milliseconds << 80 | 7 << 76 | dice.getrandbits(12) << 64 | 2 << 62 | dice.getrandbits(62)
    )

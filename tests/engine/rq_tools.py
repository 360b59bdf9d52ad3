"""RQ as its users use it: its command line, its queue, and a look into Redis."""

import subprocess
import sys
from typing import Any
from uuid import UUID

import redis
from flask import Flask
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from app.queue import Ticket, push
from app.settings import Settings
from tests.journeys.processes import environment, eventually
from tests.journeys.traveller import call
from tests.journeys.upstream import Record
from tests.servers import PROJECT
from tests.store.place import Place, new_workflow

RUN_EXECUTION = "app.jobs.run_execution"
KEPT = (b"rq:workers", b"rq:worker:", b"rq:queues", b"rq:clean_groups", b"linea:changes")


def rq(settings: Settings, command: str, *words: str) -> str:
    """Run `rq COMMAND`; give what it prints."""
    line = [sys.executable, "-m", "rq.cli", command, "--url", settings.redis_url, *words]
    done = subprocess.run(
        line, cwd=PROJECT, env=environment(settings), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def stock_queue(client: "redis.Redis", **more: Any) -> Queue:
    """Give RQ's own queue of the same name."""
    return Queue("executions", connection=client, **{"serializer": JSONSerializer} | more)


def left_over(client: "redis.Redis") -> list[bytes]:
    """List the keys that an idle service has no use for."""
    return [key for key in client.keys("*") if not key.startswith(KEPT)]


def workers(client: "redis.Redis") -> dict[str, str]:
    """Give the workers that RQ knows by name, with their states."""
    return {worker.name: str(worker.get_state()) for worker in Worker.all(client)}


def send(client: "redis.Redis", place: Place, *ids: Any) -> list[str]:
    """Send executions as the sender does; give the ids of the jobs."""
    tickets = [Ticket(i, place.scope.workspace_id, 1, place.row(i).sent_at) for i in ids]
    push(client, tickets)
    return [ticket.job_id for ticket in tickets]


def completed(place: Place, *ids: UUID) -> bool:
    """Wait until executions have completed; tell whether they have."""
    return eventually(lambda: all(place.statuses()[i] == "completed" for i in ids))


def slow(app: Flask, place: Place, upstream: Record) -> UUID:
    """Make a pending execution that waits long for its one call."""
    definition = {"steps": [call("one", f"{upstream.url}/slow?wait=60")]}
    [execution_id] = place.add(workflow_id=new_workflow(app, place.scope, definition))
    return execution_id

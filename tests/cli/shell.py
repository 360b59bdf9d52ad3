"""Calls of the command line, and a workspace to call it on."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from click.testing import Result
from flask import Flask

from app.services import executions
from app.services.orders import TriggerRequest
from app.services.scope import Scope
from app.states import TriggeredBy
from tests.servers import PROJECT, connected

FLASK = (sys.executable, "-m", "flask", "--app", "wsgi")
SECONDS = 120
Run = Callable[..., Result]
Done = subprocess.CompletedProcess[str]


@dataclass
class Place:
    """A workspace with a space and a workflow `Double`, and the means to fill its queue."""

    app: Flask
    scope: Scope
    workflow_id: UUID
    database_url: str

    def trigger(self, count: int = 1, **options: Any) -> list[UUID]:
        """Start executions of the workflow."""
        request = {
            "workflow_id": self.workflow_id,
            "triggered_by": TriggeredBy.API,
            "input": {"n": 21},
        } | options
        with self.app.app_context():
            made = executions.trigger_batch(self.scope, [TriggerRequest(**request)] * count)
        return list(made.execution_ids)

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Do to the database what cannot be waited for here."""
        with connected(self.database_url) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def statuses(self) -> dict[str, int]:
        """Count the executions by status."""
        return dict(self.sql("SELECT status, count(*) FROM executions GROUP BY status"))


def bare_environment() -> dict[str, str]:
    """Give the environment of this process, which names no servers."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FLASK_")}


def shell(env: dict[str, str], *words: str) -> Done:
    """Run a command as a process, in the project's folder."""
    return subprocess.run(
        [*FLASK, *words], cwd=PROJECT, env=env, capture_output=True, text=True, timeout=SECONDS
    )


def start(env: dict[str, str], *words: str, **options: Any) -> "subprocess.Popen[str]":
    """Start a command as a process."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen([*FLASK, *words], cwd=PROJECT, env=env, text=True, **pipes)


def parsed(result: Result) -> Any:
    """Read what a command printed as JSON; it must have succeeded."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refusal(result: Result) -> str:
    """Give the one sentence of a command that failed."""
    assert result.exit_code == 1, result.output
    [line] = result.stderr.splitlines()
    return str(line.removeprefix("Error: "))

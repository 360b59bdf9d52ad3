"""Our service under measurement: triggers from an application in this process, work by real processes."""

import http.client
import os
import re
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from flask_migrate import upgrade

from app import create_app
from app.extensions import db
from app.services import executions, workflows, workspaces
from app.services.orders import TriggerRequest
from app.services.scope import Scope
from app.settings import Settings, from_environment
from app.states import Role, TriggeredBy
from benchmarks.processes import PROJECT, Process, started, wait_for
from benchmarks.servers import Servers

HOST = "127.0.0.1"
BATCH = 500
SLOTS = 100
NO_LIMIT = 1_000_000
INPUT = {"message": "x" * 186}  # 200 bytes as JSON


@dataclass(frozen=True, slots=True)
class Ours:
    """The service on the servers of this run, with a workspace of its own."""

    servers: Servers
    env: dict[str, str]
    scope: Scope
    space_id: UUID
    api_key: str

    def add_workflow(self, name: str, steps: Sequence[Any]) -> UUID:
        """Save a workflow."""
        values = {"name": name, "definition": {"steps": steps}, "enabled": True, "max_concurrency": None}
        with _application(self.settings):
            return workflows.create(self.scope, values).id

    def backlog(self, workflow_id: UUID, count: int, input: Any = INPUT) -> list[UUID]:
        """Trigger `count` executions; their jobs are in the queue when this returns."""
        return self.backlog_of(workflow_id, [input] * count)

    def backlog_of(self, workflow_id: UUID, inputs: Sequence[Any]) -> list[UUID]:
        """Trigger an execution of each input; their jobs are in the queue when this returns."""
        ids: list[UUID] = []
        with _application(self.settings):
            for start in range(0, len(inputs), BATCH):
                batch = inputs[start : start + BATCH]
                orders = [TriggerRequest(workflow_id, input, TriggeredBy.API) for input in batch]
                ids += executions.trigger_batch(self.scope, orders).execution_ids
            executions.sender().close(30)
        return ids

    def at_a_pace(self, workflow_id: UUID, count: int, pause: float) -> None:
        """Trigger one execution after the other, `pause` seconds apart."""
        with _application(self.settings):
            for _ in range(count):
                executions.trigger(self.scope, TriggerRequest(workflow_id, INPUT, TriggeredBy.API))
                time.sleep(pause)
            executions.sender().close(30)

    def tenant(self, name: str) -> "Ours":
        """Make another workspace, with the quotas that a new one has."""
        with _application(self.settings):
            made = workspaces.create(name)
        scope = Scope(made.workspace_id, Role.ADMIN, made.space_id)
        return replace(self, scope=scope, space_id=made.space_id, api_key=made.api_key)

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Run the clock."""
        with started([[sys.executable, "-m", "app.ticker"]], self.env, self._log("clock")):
            yield

    def neighbour(self, name: str) -> "Ours":
        """Make another workspace on the same installation."""
        with _application(self.settings):
            made = workspaces.create(name)
        scope = Scope(made.workspace_id, Role.ADMIN, made.space_id)
        return replace(self, scope=scope, space_id=made.space_id, api_key=made.api_key)

    @property
    def settings(self) -> Settings:
        """Give the settings of its processes."""
        return from_environment(self.env)

    @contextmanager
    def worker(self) -> Iterator[list[Process]]:
        """Run one worker process."""
        with started([[sys.executable, "worker.py"]], self.env, self._log("worker")) as processes:
            yield processes

    @contextmanager
    def ready_worker(self) -> Iterator[list[Process]]:
        """Run one worker process and go on when it takes jobs."""
        log = self._log("worker")
        before = log.stat().st_size if log.exists() else 0
        with self.worker() as processes:
            wait_for(lambda: b"worker started" in log.read_bytes()[before:], "the worker's start", 30)
            yield processes

    @contextmanager
    def web(self) -> Iterator[int]:
        """Run the Procfile's web command and give its port."""
        with socket.create_server((HOST, 0)) as probe:
            port = probe.getsockname()[1]
        env = self.env | {"PORT": str(port), "GRANIAN_HOST": HOST}
        command = ["sh", "-c", f"exec {_procfile('web')}"]
        with started([command], env, self._log("web")):
            wait_for(lambda: _answers(port), "the start of the web process", 60)
            yield port

    @property
    def path(self) -> str:
        """Give the path that executions are posted to."""
        return f"/workspaces/{self.scope.workspace_id}/spaces/{self.space_id}/executions"

    def _log(self, name: str) -> Path:
        return self.servers.folder / f"{name}.log"


def install(servers: Servers, allowed_hosts: str) -> Ours:
    """Make the tables with the project's own migrations, and a workspace."""
    env = environment(servers, allowed_hosts)
    with _application(from_environment(env)):
        upgrade(str(PROJECT / "migrations"))
        made = workspaces.create("Benchmark")
        scope = Scope(made.workspace_id, Role.ADMIN, made.space_id)
        # None of the peers limits what a tenant runs at once: neither does this one.
        workspaces.change_quotas(scope, {"max_concurrent_executions": NO_LIMIT})
    return Ours(servers, env, scope, made.space_id, made.api_key)


def environment(servers: Servers, allowed_hosts: str) -> dict[str, str]:
    """Give the environment of our processes: what a deployment sets, and no more."""
    programs = str(Path(sys.executable).parent)
    return {
        "PATH": os.pathsep.join([programs, os.environ.get("PATH", os.defpath)]),
        "DATABASE_URL": servers.url(),
        "REDIS_URL": servers.valkey.url,
        "SECRET_KEY": "a secret key of the benchmark alone",
        "HTTP_ALLOW_HOSTS": allowed_hosts,
        "WORKER_CONCURRENCY": str(SLOTS),
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def _application(settings: Settings) -> Iterator[None]:
    with create_app(settings).app_context():
        try:
            yield
        finally:
            db.engine.dispose()


def _procfile(name: str) -> str:
    text = (PROJECT / "Procfile").read_text()
    found = re.search(rf"(?m)^{name}: (.+)$", text)
    if found is None:
        raise LookupError(f"the Procfile has no {name}")
    return found[1]


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    with closing(connection), suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    return False

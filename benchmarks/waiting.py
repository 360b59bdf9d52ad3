"""A hundred executions that each wait a second on HTTP, in one worker process."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from benchmarks.drain import UNFINISHED
from benchmarks.ours import HOST, Ours
from benchmarks.processes import Broken, started, wait_for
from benchmarks.servers import Servers

COUNT = 100
LIMIT_SECONDS = 60

SPAN = """
SELECT count(*) FILTER (WHERE status = 'completed'),
  extract(epoch FROM max(completed_at) - min(started_at))::float8,
  extract(epoch FROM max(completed_at) - min(created_at))::float8
FROM executions
"""


@dataclass(frozen=True, slots=True)
class Waited:
    """Seconds until the last had completed: from the first start, and from the trigger."""

    from_start: float
    from_trigger: float


@contextmanager
def upstream(servers: Servers) -> Iterator[int]:
    """Run the slow upstream and give its port."""
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.upstream", str(port)]
    with started([command], {}, servers.folder / "upstream.log"):
        wait_for(lambda: _listens(port), "the start of the upstream", 30)
        yield port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def workflow(port: int) -> list[dict[str, object]]:
    """Give the steps: one call."""
    return [{"id": "call", "type": "http", "with": {"url": f"http://{HOST}:{port}/"}}]


def wait_on_http(ours: Ours, workflow_id: UUID) -> Waited:
    """Trigger all at once on an idle worker; raises Broken when one did not complete."""
    ours.servers.empty()
    with ours.ready_worker():
        ours.backlog(workflow_id, COUNT)
        wait_for(lambda: ours.servers.ask(UNFINISHED) == [(False,)], "waiting on HTTP", LIMIT_SECONDS)
    [(completed, from_start, from_trigger)] = ours.servers.ask(SPAN)
    if completed != COUNT:
        raise Broken(f"only {completed} of {COUNT} calls completed")
    return Waited(from_start, from_trigger)

"""POSTs to the Procfile's web command: how many a second, and how long from one to its completion."""

import http.client
import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.ours import HOST, INPUT, Ours
from benchmarks.processes import PROJECT, Broken, wait_for

CONNECTIONS = 32
WARM_SECONDS = 1.0
RATE = 10
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}

ENDS = """
SELECT id::text, extract(epoch FROM completed_at)::float8 FROM executions
WHERE status = 'completed' AND id = ANY(%s::uuid[])
"""
LIMIT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Posted:
    """Closed loop: POSTs/s, and p50 and p99 in ms."""

    rate: float
    p50: float
    p99: float


def generator() -> str:
    """Name what makes the load here."""
    return "wrk" if shutil.which("wrk") else "the project's own load generator"


def post(ours: Ours, workflow_id: UUID, seconds: float) -> Posted:
    """Post on all connections for a while, nobody working; raises Broken when one was refused."""
    ours.servers.empty()
    press = _press_with_wrk if shutil.which("wrk") else _press
    with ours.web() as port:
        press(ours, port, workflow_id, WARM_SECONDS)
        return press(ours, port, workflow_id, seconds)


def _body(workflow_id: UUID) -> str:
    return json.dumps({"workflowId": str(workflow_id), "input": INPUT})


def _press(ours: Ours, port: int, workflow_id: UUID, seconds: float) -> Posted:
    words = [str(port), ours.path, ours.api_key, _body(workflow_id), str(CONNECTIONS), str(seconds)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", *words],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    if found.pop("refused"):
        raise Broken("POSTs were refused")
    return Posted(**found)


def _press_with_wrk(ours: Ours, port: int, workflow_id: UUID, seconds: float) -> Posted:
    script = _wrk_script(ours, workflow_id)
    loud = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "--latency", "-s", str(script)]
    command = ["wrk", *loud, f"http://{HOST}:{port}{ours.path}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if rate is None or "Non-2xx" in said or "Socket errors" in said:
        raise Broken(f"POSTs were refused: {said.strip()}")
    return Posted(float(rate[1]), _milliseconds(said, 50), _milliseconds(said, 99))


def _wrk_script(ours: Ours, workflow_id: UUID) -> Path:
    script = ours.servers.folder / "post.lua"
    script.write_text(
        "wrk.method = 'POST'\n"
        f"wrk.headers['Authorization'] = 'Bearer {ours.api_key}'\n"
        "wrk.headers['Content-Type'] = 'application/json'\n"
        f"wrk.body = '{_body(workflow_id)}'\n"
    )
    return script


def _milliseconds(said: str, percent: int) -> float:
    found = re.search(rf"(?m)^\s+{percent}%\s+([\d.]+)(us|ms|s)\s*$", said)
    if found is None:
        raise Broken(f"wrk gave no {percent} % line")
    return float(found[1]) * UNITS[found[2]]


def latencies(ours: Ours, workflow_id: UUID, seconds: float) -> list[float]:
    """Post at an even pace; give the ms from before each POST to its execution's completion."""
    ours.servers.empty()
    with ours.web() as port, ours.ready_worker():
        at_a_pace(ours, port, workflow_id, WARM_SECONDS)
        return took(ours, at_a_pace(ours, port, workflow_id, seconds))


def took(ours: Ours, sent: dict[str, float]) -> list[float]:
    """Wait until all that were sent have completed; give the ms that each took."""

    def ends() -> dict[str, float]:
        return dict(ours.servers.ask(ENDS, [list(sent)]))

    wait_for(lambda: len(ends()) == len(sent), "the last execution", LIMIT_SECONDS)
    found = ends()
    return [1000 * (found[execution_id] - at) for execution_id, at in sent.items()]


def at_a_pace(ours: Ours, port: int, workflow_id: UUID, seconds: float) -> dict[str, float]:
    """Post RATE times a second; give when each was sent, by execution id."""
    sent, begin = {}, time.monotonic()
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    for number in range(int(RATE * seconds)):
        time.sleep(max(0.0, begin + number / RATE - time.monotonic()))
        at = time.time()
        sent[_post_one(connection, ours, _body(workflow_id))] = at
    connection.close()
    return sent


def _post_one(connection: http.client.HTTPConnection, ours: Ours, body: str) -> str:
    headers = {"Authorization": f"Bearer {ours.api_key}", "Content-Type": "application/json"}
    connection.request("POST", ours.path, body, headers)
    reply = connection.getresponse()
    answer = json.loads(reply.read())
    if reply.status != http.client.ACCEPTED:
        raise Broken(f"a POST was refused: {answer}")
    return str(answer["executionId"] if "executionId" in answer else answer["id"])

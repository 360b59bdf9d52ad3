"""Callers over real HTTP who do not give up: they ask again until they are answered."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from tests.api.caller import Caller

Json = Any
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, and after how many seconds."""

    status: int
    headers: dict[str, str]
    body: Json
    seconds: float


def ask(url: str, method: str, body: Json = None, timeout: float = 10, **headers: str) -> Reply:
    """Send one request on a connection of its own; raises OSError or HTTPException when none comes back."""
    parts, begun = urlsplit(url), time.monotonic()
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    sent = None if body is None else json.dumps(body).encode()
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, parts.path, sent, {"Content-Type": "application/json"} | told)
        answer = connection.getresponse()
        data = answer.read()
    finally:
        connection.close()
    kind = answer.headers.get_content_type()
    found = json.loads(data) if data and kind.endswith("json") else None
    lower = {name.lower(): value for name, value in answer.headers.items()}
    return Reply(answer.status, lower, found, time.monotonic() - begun)


def persist(send: Callable[[], Reply], stop: threading.Event | None = None) -> Reply:
    """Send until something other than an error of the server comes back."""
    end, pause = time.monotonic() + PATIENCE_SECONDS, 0.05
    while True:
        try:
            reply = send()
            if reply.status < 500 and reply.status != 429:
                return reply
            what = f"{reply.status} {reply.body}"
        except (OSError, http.client.HTTPException, ValueError) as error:
            what = repr(error)
        if time.monotonic() > end or (stop is not None and stop.is_set()):
            raise TimeoutError(f"no answer after {PATIENCE_SECONDS} s; at last: {what}")
        time.sleep(pause)
        pause = min(pause * 2, 0.5)


@dataclass
class Customer:
    """Triggers and cancels over HTTP; remembers what was acknowledged."""

    url: str
    caller: Caller
    accepted: dict[str, Json] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def once(self, method: str, path: str, body: Json = None, timeout: float = 10, **more: str) -> Reply:
        """Ask one time."""
        key = f"Bearer {self.caller.key}"
        return ask(self.url + path, method, body, timeout, Authorization=key, **more)

    def trigger(self, workflow_id: str, input: Json, stop: threading.Event | None = None) -> str:
        """Start one execution, again and again under one idempotency key; give its id."""
        body, key = {"workflowId": workflow_id, "input": input}, str(uuid4())
        path = f"{self.caller.space}/executions"
        reply = persist(lambda: self.once("POST", path, body, Idempotency_Key=key), stop)
        assert reply.status == 202, reply
        found: str = reply.body["id"]
        with self.lock:
            self.accepted[found] = input
            self.seconds.append(reply.seconds)
        return found

    def cancel(self, execution_id: str, stop: threading.Event | None = None) -> bool:
        """Cancel one; tell whether that was accepted."""
        path = f"{self.caller.space}/executions/{execution_id}/cancel"
        reply = persist(lambda: self.once("POST", path, {}), stop)
        assert reply.status in (200, 202, 409), reply
        if reply.status != 409:
            with self.lock:
                self.cancelled.add(execution_id)
        return reply.status != 409

    def workflow(self, *steps: dict[str, Json], **more: Json) -> str:
        """Save a workflow, without HTTP; give its id."""
        body = {"name": "Under fire", "definition": {"steps": list(steps), **more}}
        reply = self.caller.post(f"{self.caller.space}/workflows", body)
        assert reply.status_code == 201, reply.get_json()
        found: str = reply.get_json()["id"]
        return found


def percentile(values: list[float], percent: float) -> float:
    """Give the value that `percent` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0

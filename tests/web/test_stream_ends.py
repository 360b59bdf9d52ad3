"""What ends or refuses live streams, and what they tell when Redis is away, in web processes of their own."""

import dataclasses
import http.client
import json
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.embedded import start_valkey
from app.settings import Settings
from tests.api.caller import Caller
from tests.journeys import processes
from tests.journeys.processes import eventually
from tests.journeys.traveller import Traveller, value
from tests.procfile import HOST
from tests.web.streaming import PATIENCE_SECONDS, Web, serving

pytestmark = pytest.mark.long


@pytest.fixture
def traveller(caller: Caller) -> Traveller:
    return Traveller(caller)


def wait_for_end(web: Web, caller: Caller, workflow_id: str, answers: list[int]) -> threading.Thread:
    """Trigger with `Prefer: wait` in a thread; its status goes to `answers`."""
    body = json.dumps({"workflowId": workflow_id, "runAt": "2999-01-01T00:00:00Z"})
    headers = {
        "Authorization": f"Bearer {caller.key}",
        "Prefer": "wait=25",
        "Content-Type": "application/json",
    }

    def ask() -> None:
        connection = http.client.HTTPConnection(HOST, web.port, timeout=PATIENCE_SECONDS)
        connection.request("POST", f"{caller.space}/executions", body, headers)
        answers.append(connection.getresponse().status)
        connection.close()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread


def test_sigterm_ends_streams_and_waiting_requests_at_once(
    settings: Settings, traveller: Traveller, caller: Caller
) -> None:
    workflow_id, answers = traveller.workflow(value("one", 1)), []
    with serving(settings) as web:
        listeners = [web.listen(f"{caller.workspace}/executions/stream", caller.key) for _ in range(5)]
        waiting = wait_for_end(web, caller, workflow_id, answers)
        path = f"{caller.workspace}/executions"
        assert eventually(lambda: caller.get(path).get_json()["data"])
        began = time.monotonic()

        processes.stop(web.process, signal.SIGTERM)
        took = time.monotonic() - began

        assert eventually(lambda: all(listener.ended for listener in listeners))
        waiting.join(PATIENCE_SECONDS)
        assert answers == [202]
        assert took < 15  # granian would kill what is left after 20 s


def test_streams_and_waiting_requests_share_a_limit(
    settings: Settings, traveller: Traveller, caller: Caller
) -> None:
    workflow_id, answers = traveller.workflow(value("one", 1)), []
    path = f"{caller.space}/executions/stream"
    with serving(settings, STREAM_LIMIT="2") as web:
        listener = web.listen(path, caller.key)
        waiting = wait_for_end(web, caller, workflow_id, answers)
        assert eventually(lambda: listener.events)
        assert eventually(lambda: web.refused(path, caller.key)[0] == 503)

        status, said = web.refused(path, caller.key)
        with_header = web.ask(path, caller.key)
        retry_after = with_header.response.headers["Retry-After"]
        with_header.close()
        listener.close()
        free_again = eventually(lambda: opened(web, path, caller.key))
        processes.stop(web.process)
        waiting.join(PATIENCE_SECONDS)

        assert (status, said["code"]) == (503, "too_many_streams")
        assert int(retry_after) > 0
        assert free_again


def opened(web: Web, path: str, key: str) -> bool:
    answer = web.ask(path, key)
    answer.hang_up()
    answer.close()
    return answer.response.status == 200


def test_changes_are_told_while_redis_is_away_and_after_it_is_back(
    settings: Settings, traveller: Traveller, caller: Caller, tmp_path: Path
) -> None:
    workflow_id = traveller.workflow(value("one", 1))
    before = traveller.trigger(workflow_id, runAt="2999-01-01T00:00:00Z")
    path = f"{caller.workspace}/executions/{before}/cancel"
    with ExitStack() as stack:
        valkey = start_valkey(tmp_path)
        stack.callback(valkey.stop)
        own = dataclasses.replace(settings, redis_url=valkey.url)
        web = stack.enter_context(serving(own))
        listener = web.listen(f"{caller.space}/executions/stream", caller.key)
        valkey.stop()

        began = time.monotonic()
        posted(web, f"{caller.space}/executions", caller.key, {"workflowId": workflow_id})
        posted(web, path, caller.key, {})
        found = listener.find(lambda e: e.data["id"] != before and e.data["status"] == "pending")
        cancelled = listener.status(before, "cancelled")
        took = time.monotonic() - began
        stack.callback(start_valkey(tmp_path).stop)
        posted(web, f"{caller.space}/executions", caller.key, {"workflowId": workflow_id, "tags": ["back"]})
        back = listener.find(lambda e: e.data["tags"] == ["back"])

        assert found is not None
        assert cancelled is not None
        assert took < 30
        assert back is not None
        assert eventually(lambda: listener.pings)


def posted(web: Web, path: str, key: str, body: dict[str, object]) -> None:
    connection = http.client.HTTPConnection(HOST, web.port, timeout=PATIENCE_SECONDS)
    connection.request(
        "POST",
        path,
        json.dumps(body),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    assert connection.getresponse().status in (200, 202)
    connection.close()

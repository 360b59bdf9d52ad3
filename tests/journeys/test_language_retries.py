"""Which attempts are made again, per step type and failure, and when."""

import socket
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.settings import Settings
from tests.journeys import processes
from tests.journeys.traveller import Traveller, call, value
from tests.journeys.upstream import Record

THRICE = {"attempts": 3, "backoffSeconds": 0.01, "jitter": False}


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_passing_fault_is_tried_again(traveller: Traveller, upstream: Record, status: int) -> None:
    execution = traveller.run(call("a", f"{upstream.url}/a?status={status}", retry=THRICE))

    assert (execution["status"], execution["by_id"]["a"]["attempt"]) == ("failed", 3)
    assert len(upstream.keys_of("/a")) == 3


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422])
def test_a_lasting_fault_is_not_tried_again(traveller: Traveller, upstream: Record, status: int) -> None:
    execution = traveller.run(call("a", f"{upstream.url}/a?status={status}", retry=THRICE))

    assert (execution["status"], execution["by_id"]["a"]["attempt"]) == ("failed", 1)


@pytest.mark.usefixtures("worker")
def test_network_errors_and_timeouts_are_tried_again(traveller: Traveller, upstream: Record) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        execution = traveller.run(
            call("nobody", nobody, retry=THRICE, needs=[], onError="continue"),
            call(
                "slow",
                f"{upstream.url}/s?wait=60",
                retry=THRICE,
                needs=[],
                timeoutSeconds=0.2,
                onError="continue",
            ),
        )

    assert {step["stepId"]: step["attempt"] for step in execution["steps"]} == {"nobody": 3, "slow": 3}
    assert all("0.2 s" in attempt["error"] for attempt in execution["by_id"]["slow"]["attempts"])


@pytest.mark.usefixtures("worker")
def test_without_retry_there_is_one_attempt(traveller: Traveller, upstream: Record) -> None:
    execution = traveller.run(call("a", f"{upstream.url}/a?status=503"))

    assert (execution["status"], len(upstream.keys_of("/a"))) == ("failed", 1)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    "step",
    [
        {"type": "code", "with": {"source": "throw new Error('no')"}},
        {"type": "code", "with": {"source": "while (true) {}"}, "timeoutSeconds": 0.3},
        {"type": "code", "with": {"source": "while (true) {}"}, "timeoutSeconds": 0.01},
        {"type": "transform", "with": {"value": "${{ input.a.b }}"}},
        {"type": "transform", "with": {"value": "${{ [][0].x }}"}},
        {"type": "fail", "with": {"message": "no"}},
        {"type": "http", "with": {"url": "http://169.254.169.254/"}},
        {"type": "http", "with": {"url": "${{ input.a.b }}"}},
    ],
)
def test_what_would_fail_the_same_way_is_not_tried_again(traveller: Traveller, step: dict[str, Any]) -> None:
    execution = traveller.run({"id": "a", "retry": THRICE, **step})

    assert (execution["status"], execution["by_id"]["a"]["attempt"]) == ("failed", 1)
    assert execution["by_id"]["a"]["attempts"] in ([], [execution["by_id"]["a"]["attempts"][-1]])


@pytest.mark.usefixtures("worker")
def test_pauses_grow_by_their_factor_up_to_the_most(traveller: Traveller, upstream: Record) -> None:
    retry = {"attempts": 4, "backoffSeconds": 0.1, "factor": 100, "maxBackoffSeconds": 0.5, "jitter": False}
    begun = time.monotonic()

    execution = traveller.run(call("a", f"{upstream.url}/a?status=503", retry=retry))

    assert execution["by_id"]["a"]["attempt"] == 4
    assert 1.1 <= time.monotonic() - begun < 10  # 0.1, 0.5 and 0.5 s; without the most 0.1, 10 and 1,000 s


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(("asked", "kept"), [(200, 200), (1000, 300)])
def test_a_pause_that_the_server_asks_for_is_kept_up_to_the_most(
    traveller: Traveller, upstream: Record, asked: int, kept: int
) -> None:
    retry = {"attempts": 2, "backoffSeconds": 0.01}
    step = call("a", f"{upstream.url}/a?status=503&later={asked}", retry=retry)
    execution_id = traveller.trigger(traveller.workflow(step))

    seen = traveller.until(execution_id, "a", "waiting")["by_id"]["a"]
    traveller.cancel(execution_id)
    traveller.finished(execution_id)

    ended, wake = (datetime.fromisoformat(at) for at in (seen["attempts"][0]["completedAt"], seen["wakeAt"]))
    assert abs((wake - ended).total_seconds() - kept) < 5


@pytest.mark.usefixtures("worker")
def test_a_short_pause_holds_no_slot_and_needs_no_clock(
    app: Flask, traveller: Traveller, upstream: Record
) -> None:
    retry = {"attempts": 2, "backoffSeconds": 1, "jitter": False}

    execution = traveller.run(call("a", f"{upstream.url}/a?fail=1", retry=retry))

    with app.app_context(), db.engine.connect() as tx:
        query = "SELECT claim_no FROM executions WHERE id = %(id)s"
        claims = tx.exec_driver_sql(query, {"id": execution["id"]}).scalar_one()
    first, second = execution["by_id"]["a"]["attempts"]
    pause = datetime.fromisoformat(second["startedAt"]) - datetime.fromisoformat(first["completedAt"])
    assert (execution["status"], claims) == ("completed", 2)
    assert pause >= timedelta(seconds=1)


@pytest.mark.usefixtures("worker")
def test_a_long_wait_for_the_next_attempt_is_seen(traveller: Traveller, upstream: Record) -> None:
    retry = {"attempts": 2, "backoffSeconds": 600, "jitter": False}
    execution_id = traveller.trigger(
        traveller.workflow(call("a", f"{upstream.url}/a?status=503", retry=retry))
    )

    seen = traveller.until(execution_id, "a", "waiting")
    processes.eventually(lambda: traveller.see(execution_id)["reason"] == "waiting")
    traveller.cancel(execution_id)

    assert (seen["by_id"]["a"]["attempt"], len(seen["by_id"]["a"]["attempts"])) == (1, 1)
    assert traveller.finished(execution_id)["by_id"]["a"]["status"] == "cancelled"


def test_a_workflow_s_limit_does_not_count_its_waits(
    traveller: Traveller, settings: Settings, upstream: Record
) -> None:
    def waiting(seconds: float) -> dict[str, Any]:
        return {"id": "pause", "type": "wait", "with": {"seconds": seconds}}

    with processes.clock(settings), processes.worker(settings):
        long = traveller.trigger(traveller.workflow(waiting(4), value("b", 1), timeoutSeconds=3.8))
        short = traveller.trigger(traveller.workflow(waiting(1.9), value("b", 1), timeoutSeconds=1.8))
        busy = traveller.trigger(
            traveller.workflow(waiting(3), call("slow", f"{upstream.url}/s?wait=60"), timeoutSeconds=1)
        )
        ends = [traveller.finished(execution_id) for execution_id in (long, short, busy)]

    assert [(end["status"], end["reason"]) for end in ends] == [
        ("completed", None),
        ("completed", None),
        ("failed", "timeout"),
    ]
    assert ends[2]["durationMs"] >= 3900

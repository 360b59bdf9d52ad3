"""Waits hold no slot: times, signals, children and long backoffs, all on a worker that has only one."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.settings import Settings
from tests.journeys import processes
from tests.journeys.traveller import Traveller, call, value
from tests.journeys.upstream import Record

SOON = timedelta(seconds=10)  # Two seconds are promised; the rest is for a busy machine.


@pytest.fixture(scope="module", autouse=True)
def _crew(settings: Settings) -> Iterator[None]:
    with processes.clock(settings), processes.worker(settings, WORKER_CONCURRENCY="1"):
        yield


def wait(seconds: float) -> dict[str, Any]:
    """Write a wait step."""
    return {"id": "pause", "type": "wait", "with": {"seconds": seconds}}


def row_of(app: Flask, execution_id: str) -> Any:
    """Read an execution's row."""
    with app.app_context(), db.engine.connect() as tx:
        return tx.exec_driver_sql("SELECT * FROM executions WHERE id = %(id)s", {"id": execution_id}).one()


def send_signal(app: Flask, execution_id: str, step_id: str, payload: str) -> None:
    """Store a signal as the API does, but for the ticket: the clock has to find it."""
    with app.app_context(), db.engine.begin() as tx:
        given = {"id": execution_id, "step": step_id, "payload": payload}
        tx.exec_driver_sql("SELECT 1 FROM executions WHERE id = %(id)s FOR NO KEY UPDATE", given)
        tx.exec_driver_sql(
            "INSERT INTO execution_signals (execution_id, step_id, payload) "
            "VALUES (%(id)s, %(step)s, %(payload)s)",
            given,
        )
        tx.exec_driver_sql(
            "UPDATE executions SET wake_at = now() "
            "WHERE id = %(id)s AND worker IS NULL AND status = 'running'",
            given,
        )


def test_a_wait_gives_its_slot_back(app: Flask, traveller: Traveller) -> None:
    waiting = traveller.trigger(traveller.workflow(wait(600), value("b", 1)))
    assert processes.eventually(lambda: row_of(app, waiting).waiting_since)

    other = traveller.run(value("x", 1))

    seen = traveller.see(waiting)
    assert other["status"] == "completed"
    assert (seen["status"], seen["reason"], seen["by_id"]["pause"]["status"]) == (
        "running",
        "waiting",
        "waiting",
    )
    assert seen["wakeAt"] is not None
    traveller.cancel(waiting)


def test_a_wait_goes_on_in_time(traveller: Traveller) -> None:
    execution = traveller.run(value("a", 1), wait(2.5), value("b", "${{ steps.a.output }}"))

    pause = execution["by_id"]["pause"]
    assert (execution["status"], execution["output"], execution["takeovers"]) == ("completed", 1, 0)
    assert "resumedAt" in pause["output"]
    assert timedelta(seconds=2.5) <= timedelta(milliseconds=pause["durationMs"]) < SOON


def test_short_waits_hold_neither_the_only_slot_nor_the_only_place(app: Flask, traveller: Traveller) -> None:
    quota = {"maxConcurrentExecutions": 1}
    assert traveller.api.ask("PATCH", f"{traveller.api.workspace}/quotas", quota).status_code == 200
    workflow_id = traveller.workflow(wait(1.9), value("b", 1))

    ends = [traveller.finished(i) for i in traveller.trigger_many(workflow_id, [{}] * 10)]

    pauses = [end["by_id"]["pause"] for end in ends]
    at_once = [
        sum(other["startedAt"] <= one["startedAt"] < other["completedAt"] for other in pauses)
        for one in pauses
    ]
    assert {end["status"] for end in ends} == {"completed"}
    assert max(at_once) >= 3  # all ten on a machine that does nothing else; one if a wait kept its place
    assert all(pause["durationMs"] >= 1900 for pause in pauses)


def test_a_very_short_wait_stays_where_it_is(app: Flask, traveller: Traveller) -> None:
    execution = traveller.run(wait(0.3), value("b", 1))

    assert (execution["status"], execution["output"]) == ("completed", 1)
    assert execution["by_id"]["pause"]["durationMs"] >= 300
    assert row_of(app, execution["id"]).claim_no == 1


def test_a_backoff_frees_the_slot(app: Flask, traveller: Traveller, upstream: Record) -> None:
    retry = {"attempts": 2, "backoffSeconds": 1.5, "jitter": False}
    execution_id = traveller.trigger(
        traveller.workflow(call("shaky", f"{upstream.url}/shaky?fail=1", retry=retry))
    )

    execution = traveller.finished(execution_id)

    step = execution["by_id"]["shaky"]
    assert row_of(app, execution_id).claim_no == 2
    assert (execution["status"], step["attempt"], len(step["attempts"])) == ("completed", 2, 2)
    assert upstream.keys_of("/shaky") == [f"{execution_id}:shaky"] * 2


def test_a_signal_ends_its_step_whether_it_comes_before_or_after(app: Flask, traveller: Traveller) -> None:
    workflow_id = traveller.workflow(
        {"id": "ok", "type": "waitForSignal"}, value("b", "${{ steps.ok.output.yes }}")
    )
    early = traveller.trigger(workflow_id)
    send_signal(app, early, "ok", '{"yes": 1}')
    late = traveller.trigger(workflow_id)
    assert processes.eventually(lambda: row_of(app, late).waiting_since)

    send_signal(app, late, "ok", '{"yes": 2}')

    ends = [traveller.finished(execution_id) for execution_id in (early, late)]
    assert [(end["status"], end["output"]) for end in ends] == [("completed", 1), ("completed", 2)]


def test_a_signal_that_never_comes_fails_its_step(app: Flask, traveller: Traveller) -> None:
    execution = traveller.run({"id": "ok", "type": "waitForSignal", "timeoutSeconds": 1})

    assert (execution["status"], execution["by_id"]["ok"]["status"]) == ("failed", "failed")
    assert "1 s" in execution["error"]
    assert row_of(app, execution["id"]).claim_no == 2


def child(step_id: str, workflow_id: str, **more: Any) -> dict[str, Any]:
    """Write a workflow step."""
    return {"id": step_id, "type": "workflow", "with": {"workflowId": workflow_id, **more}}


def test_a_child_gives_its_output_to_its_parent(traveller: Traveller) -> None:
    double = traveller.workflow(value("twice", "${{ input.n * 2 }}"))
    parent = traveller.workflow(
        child("kid", double, input={"n": "${{ input.n }}"}), value("b", "${{ steps.kid.output + 1 }}")
    )

    execution = traveller.finished(traveller.trigger(parent, {"n": 20}))

    [kid] = execution["children"]
    assert (execution["status"], execution["output"]) == ("completed", 41)
    assert traveller.see(kid)["parentId"] == execution["id"]


def test_a_failed_child_fails_its_step(traveller: Traveller) -> None:
    broken = traveller.workflow({"id": "no", "type": "fail", "with": {"message": "no luck"}})

    execution = traveller.run(child("kid", broken))

    assert execution["status"] == "failed"
    assert "no luck" in execution["error"]


def test_a_child_that_is_not_waited_for_gives_its_id(traveller: Traveller) -> None:
    other = traveller.workflow(value("a", 1))

    execution = traveller.run(child("kid", other, wait=False))

    assert execution["output"] == {"executionId": execution["children"][0]}
    assert traveller.finished(execution["children"][0])["status"] == "completed"


def test_a_cancel_goes_down_to_the_children(traveller: Traveller, upstream: Record) -> None:
    slow = traveller.workflow(call("slow", f"{upstream.url}/slow?wait=60"))
    parent = traveller.trigger(traveller.workflow(child("kid", slow)))
    assert processes.eventually(lambda: upstream.keys_of("/slow"))

    code, _ = traveller.cancel(parent)

    execution = traveller.finished(parent)
    kid = traveller.finished(execution["children"][0])
    assert code in (200, 202)
    assert (execution["status"], kid["status"], kid["reason"]) == ("cancelled", "cancelled", "parent")
    asked, ended = (datetime.fromisoformat(kid[name]) for name in ("cancelRequestedAt", "completedAt"))
    assert ended - asked < SOON


def test_a_failure_starts_its_handler_with_the_failed_execution(traveller: Traveller) -> None:
    handler = traveller.workflow(value("seen", "${{ input.status + ' ' + input.id }}"))

    execution = traveller.run(
        {"id": "no", "type": "fail", "with": {"message": "no luck"}}, onFailure={"workflowId": handler}
    )

    [kid] = traveller.see(execution["id"])["children"]
    assert traveller.finished(kid)["output"] == f"failed {execution['id']}"

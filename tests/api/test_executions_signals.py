"""Signals: what steps of type `waitForSignal` wait for."""

from collections.abc import Callable
from typing import Any

import pytest
import redis
from flask import Flask

from app.extensions import db
from app.queue import SUSPENDED_KEY
from app.states import Role
from tests.api.caller import Caller
from tests.api.execution_rows import AT, add_execution, add_step, change_execution
from tests.journeys.processes import eventually

NO_SUCH_ID = "01a203fc-6170-7947-82ba-8a19c79c87c6"
DEFINITION = {
    "steps": [
        {"id": "approval", "type": "waitForSignal"},
        {"id": "after", "type": "transform", "with": {"value": "${{ steps.approval.output }}"}},
    ]
}
WAITING = {"worker": None, "lease_expires_at": None, "waiting_since": AT, "send_no": 1}


@pytest.fixture(autouse=True)
def _suspended(redis_url: str) -> None:
    """Keep a worker that another test may have left running from what these tests make."""
    with redis.Redis.from_url(redis_url) as client:
        client.set(SUSPENDED_KEY, "these tests")


@pytest.fixture
def approval(api: Caller) -> dict[str, Any]:
    """Give a saved workflow that waits for a signal."""
    reply = api.post(f"{api.space}/workflows", {"name": "Approve", "definition": DEFINITION})
    assert reply.status_code == 201, reply.get_json()
    found: dict[str, Any] = reply.get_json()
    return found


def path(api: Caller, execution_id: str, step_id: str = "approval") -> str:
    return f"{api.space}/executions/{execution_id}/signals/{step_id}"


def waiting(app: Flask, workflow: dict[str, Any]) -> str:
    """Make an execution whose first step waits."""
    execution_id = add_execution(app, workflow, "running", **WAITING)
    add_step(
        app,
        workflow,
        execution_id,
        step_id="approval",
        type="waitForSignal",
        status="waiting",
        completed_at=None,
    )
    return execution_id


def signals(app: Flask) -> list[tuple[str, str, Any]]:
    query = "SELECT execution_id::text, step_id, payload FROM execution_signals"
    with app.app_context(), db.engine.connect() as tx:
        return [tuple(row) for row in tx.exec_driver_sql(query)]  # type: ignore[misc]


def due(app: Flask, execution_id: str) -> Any:
    query = "SELECT wake_at <= now() AS due, send_no FROM executions WHERE id = %(id)s::uuid"
    with app.app_context(), db.engine.connect() as tx:
        return tuple(tx.exec_driver_sql(query, {"id": execution_id}).one())


def test_a_signal_makes_what_waits_due_and_sends_it_to_the_front(
    app: Flask, api: Caller, approval: dict[str, Any], redis_url: str
) -> None:
    execution_id = waiting(app, approval)
    with redis.Redis.from_url(redis_url) as client:
        client.rpush("rq:queue:executions", "another")

        reply = api.post(path(api, execution_id), {"payload": {"ok": True}})

        eventually(lambda: client.llen("rq:queue:executions") == 2)
        queue = client.lrange("rq:queue:executions", 0, -1)
    assert (reply.status_code, reply.get_json()["id"]) == (202, execution_id)
    assert signals(app) == [(execution_id, "approval", {"ok": True})]
    assert due(app, execution_id) == (True, 2)
    assert queue == [f"{execution_id}-2".encode(), b"another"]


@pytest.mark.parametrize(("body", "payload"), [(None, None), ({}, None), ({"payload": None}, None)])
def test_a_signal_without_a_payload_is_null(
    app: Flask, api: Caller, approval: dict[str, Any], body: Any, payload: Any
) -> None:
    execution_id = waiting(app, approval)

    reply = api.post(path(api, execution_id), body)

    assert reply.status_code == 202
    assert signals(app) == [(execution_id, "approval", payload)]


@pytest.mark.parametrize("status", ["pending", "running"])
def test_a_signal_that_comes_before_its_step_waits_is_kept_and_wakes_nobody(
    app: Flask, api: Caller, approval: dict[str, Any], status: str
) -> None:
    execution_id = add_execution(app, approval, status)

    reply = api.post(path(api, execution_id), {"payload": [1]})

    assert reply.status_code == 202
    assert signals(app) == [(execution_id, "approval", [1])]
    assert due(app, execution_id) == (None, 0)


def test_over_the_whole_workspace_it_is_the_same(app: Flask, api: Caller, approval: dict[str, Any]) -> None:
    execution_id = waiting(app, approval)

    reply = api.post(f"{api.workspace}/executions/{execution_id}/signals/approval", {"payload": 1})

    assert (reply.status_code, signals(app)) == (202, [(execution_id, "approval", 1)])


def _finished(app: Flask, workflow: dict[str, Any]) -> str:
    return add_execution(app, workflow, "completed")


def _failed_by_time(app: Flask, workflow: dict[str, Any]) -> str:
    execution_id = add_execution(app, workflow, "running")
    row = {"step_id": "approval", "type": "waitForSignal", "status": "failed", "error": "Too late"}
    add_step(app, workflow, execution_id, **row)
    return execution_id


Make = Callable[[Flask, dict[str, Any]], str]
REFUSED: list[tuple[Make, str, int, str]] = [
    (lambda _app, _workflow: NO_SUCH_ID, "approval", 404, "not_found"),
    (waiting, "aproval", 404, "not_found"),
    (waiting, "approval%00", 404, "not_found"),
    (waiting, "after", 409, "not_waiting"),
    (_finished, "approval", 409, "not_waiting"),
    (_finished, "nobody", 404, "not_found"),
    (_failed_by_time, "approval", 409, "not_waiting"),
]


@pytest.mark.parametrize(("make", "step_id", "status", "code"), REFUSED)
def test_a_signal_that_nothing_waits_for_is_refused(
    app: Flask, api: Caller, approval: dict[str, Any], make: Make, step_id: str, status: int, code: str
) -> None:
    reply = api.post(path(api, make(app, approval), step_id), {})

    assert (reply.status_code, reply.get_json()["code"]) == (status, code)
    assert signals(app) == []


def test_a_second_signal_is_refused_also_when_all_has_ended(
    app: Flask, api: Caller, approval: dict[str, Any]
) -> None:
    execution_id = waiting(app, approval)
    api.post(path(api, execution_id), {"payload": 1})

    second = api.post(path(api, execution_id), {"payload": 2})
    change_execution(app, execution_id, status="completed", completed_at=AT, waiting_since=None, wake_at=None)
    third = api.post(path(api, execution_id), {"payload": 3})

    assert [(reply.status_code, reply.get_json()["code"]) for reply in (second, third)] == [
        (409, "already_signalled")
    ] * 2
    assert signals(app) == [(execution_id, "approval", 1)]


@pytest.mark.parametrize("body", [{"payload": 1, "more": 2}, [], {"data": 1}])
def test_a_bad_body_is_refused(app: Flask, api: Caller, approval: dict[str, Any], body: Any) -> None:
    reply = api.post(path(api, waiting(app, approval)), body)

    assert (reply.status_code, reply.get_json()["code"]) == (422, "validation_failed")


@pytest.mark.parametrize(("role", "status"), [(Role.OPERATOR, 202), (Role.VIEWER, 403)])
def test_operators_may_signal(
    app: Flask, api: Caller, approval: dict[str, Any], role: Role, status: int
) -> None:
    assert api.with_role(role).post(path(api, waiting(app, approval))).status_code == status


def test_a_stranger_finds_nothing(
    app: Flask, api: Caller, stranger: Caller, approval: dict[str, Any]
) -> None:
    reply = stranger.post(f"{stranger.space}/executions/{waiting(app, approval)}/signals/approval")

    assert (reply.status_code, reply.get_json()["code"]) == (404, "not_found")


def test_a_signal_goes_with_its_execution(app: Flask, api: Caller, approval: dict[str, Any]) -> None:
    execution_id = waiting(app, approval)
    api.post(path(api, execution_id))

    with app.app_context(), db.engine.begin() as tx:
        tx.exec_driver_sql("DELETE FROM executions WHERE id = %(id)s::uuid", {"id": execution_id})

    assert signals(app) == []

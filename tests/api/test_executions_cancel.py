"""Cancelling one execution over HTTP."""

from typing import Any

import pytest
from flask import Flask

from app.states import Role
from tests.api.caller import Caller
from tests.api.execution_rows import add_execution


@pytest.mark.parametrize("place", ["space", "workspace"])
def test_a_pending_execution_is_cancelled_at_once(api: Caller, workflow: dict[str, Any], place: str) -> None:
    made = api.post(f"{api.space}/executions", {"workflowId": workflow["id"]}).get_json()
    path = f"{getattr(api, place)}/executions/{made['id']}/cancel"

    reply = api.post(path, {"reason": "Not needed any more"})

    shown = reply.get_json()
    assert (reply.status_code, shown["status"], shown["reason"]) == (200, "cancelled", "requested")
    assert (shown["error"], shown["durationMs"]) == ("Not needed any more", None)
    assert api.post(path).status_code == 200


def test_an_execution_with_a_worker_is_cancelling_until_it_stops(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    path = f"{api.space}/executions/{add_execution(app, workflow, 'running')}/cancel"

    replies = [api.post(path), api.post(path)]

    assert [(reply.status_code, reply.get_json()["reason"]) for reply in replies] == [(202, "cancelling")] * 2


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_an_ended_execution_cannot_be_cancelled(
    app: Flask, api: Caller, workflow: dict[str, Any], status: str
) -> None:
    path = f"{api.space}/executions/{add_execution(app, workflow, status)}/cancel"

    reply = api.post(path)

    assert (reply.status_code, reply.get_json()["code"]) == (409, "execution_finished")


@pytest.mark.parametrize("body", [{"reason": ""}, {"reason": "x" * 1001}, {"reason": 1}, {"why": "x"}, []])
def test_a_cancel_that_is_not_valid_changes_nothing(api: Caller, workflow: dict[str, Any], body: Any) -> None:
    made = api.post(f"{api.space}/executions", {"workflowId": workflow["id"]}).get_json()

    reply = api.post(f"{api.space}/executions/{made['id']}/cancel", body)

    assert (reply.status_code, reply.get_json()["code"]) == (422, "validation_failed")
    assert api.get(f"{api.space}/executions/{made['id']}").json["status"] == "pending"


def test_a_viewer_may_look_but_not_cancel(api: Caller, workflow: dict[str, Any]) -> None:
    made = api.post(f"{api.space}/executions", {"workflowId": workflow["id"]}).get_json()
    viewer = api.with_role(Role.VIEWER)

    replies = [
        viewer.get(f"{api.space}/executions/{made['id']}"),
        viewer.post(f"{api.space}/executions/{made['id']}/cancel"),
    ]

    assert [reply.status_code for reply in replies] == [200, 403]

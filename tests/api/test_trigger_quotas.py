"""A quota that is used up refuses webhooks and schedules too, and their records say so."""

from typing import Any

import pytest
from flask import Flask

from app.services import firing
from tests.api.caller import Caller
from tests.api.sender import Hook, new_hook
from tests.api.sql import sql

QUOTAS = [("maxPendingExecutions", "too_many_pending"), ("executionsPerDay", "daily_limit")]
pytestmark = pytest.mark.parametrize(("quota", "code"), QUOTAS)


def set_quota(api: Caller, quota: str, value: int | None) -> None:
    """Set a quota as an admin does."""
    assert api.ask("PATCH", f"{api.workspace}/quotas", {quota: value}).status_code == 200


@pytest.fixture
def hook(api: Caller, workflow: dict[str, Any]) -> Hook:
    return new_hook(api, workflow)


def test_a_call_beyond_a_quota_is_429_and_recorded_and_may_come_again(
    api: Caller, hook: Hook, quota: str, code: str
) -> None:
    set_quota(api, quota, 1)
    hook.send(headers={"webhook-id": "1"})

    refused = hook.send(headers={"webhook-id": "2"})
    [row, _] = hook.deliveries()
    set_quota(api, quota, 2)
    later = hook.send(headers={"webhook-id": "2"})

    assert (refused.status_code, refused.json["code"]) == (429, code)
    assert int(refused.headers["Retry-After"]) >= 1
    assert (row["outcome"], row["reason"], row["deliveryId"]) == ("rejected", code, "2")
    assert (row["executionId"], row["body"], later.status_code) == (None, None, 202)
    assert len(hook.executions()) == 2


def test_a_delivery_that_came_before_is_answered_beyond_a_quota_too(
    api: Caller, hook: Hook, quota: str, code: str
) -> None:
    first = hook.send(headers={"webhook-id": "1"})
    set_quota(api, quota, 1)

    again = hook.send(headers={"webhook-id": "1"})

    assert (again.status_code, again.json) == (200, first.json)


def test_delivering_again_beyond_a_quota_is_429_and_recorded(
    api: Caller, hook: Hook, quota: str, code: str
) -> None:
    hook.send(b'{"n": 1}')
    [accepted] = hook.deliveries()
    set_quota(api, quota, 1)

    refused = api.post(f"{hook.path}/deliveries/{accepted['id']}/redeliver")

    row = hook.deliveries()[0]
    assert (refused.status_code, refused.json["code"]) == (429, code)
    assert int(refused.headers["Retry-After"]) >= 1
    assert (row["outcome"], row["reason"]) == ("rejected", code)
    assert len(hook.executions()) == 1


def test_a_schedule_beyond_a_quota_is_skipped_with_the_reason(
    app: Flask, api: Caller, workflow: dict[str, Any], quota: str, code: str
) -> None:
    set_quota(api, quota, 2)
    body = {"name": "n", "workflowId": workflow["id"], "cron": "* * * * * *"}
    made = api.post(f"{api.space}/schedules", body).json
    sql(app, "UPDATE schedules SET next_fire_at = date_trunc('second', now()) - interval '3 seconds'")

    with app.app_context():
        firing.fire_due_schedules()

    fires = api.get(f"{api.space}/schedules/{made['id']}/fires").json["data"]
    outcomes = [(fire["outcome"], fire["reason"], fire["executionId"] is None) for fire in reversed(fires)]
    assert outcomes[:4] == [("fired", None, False)] * 2 + [("skipped", "quota_exceeded", True)] * 2

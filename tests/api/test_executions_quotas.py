"""What a workspace may have pending and start a day: 429 with a time to come back, nothing left behind."""

from typing import Any

import pytest

from tests.api.caller import Caller

QUOTAS = [("maxPendingExecutions", "too_many_pending"), ("executionsPerDay", "daily_limit")]


@pytest.fixture
def workflow_id(workflow: dict[str, Any]) -> str:
    """Give the id of a saved workflow."""
    found: str = workflow["id"]
    return found


def limit(api: Caller, **quotas: int) -> None:
    """Set quotas of the workspace."""
    assert api.ask("PATCH", f"{api.workspace}/quotas", quotas).status_code == 200


def trigger(api: Caller, workflow_id: str, **more: Any) -> Any:
    """Start one execution."""
    return api.post(f"{api.space}/executions", {"workflowId": workflow_id, **more})


def listed(api: Caller) -> list[dict[str, Any]]:
    """List the executions."""
    found: list[dict[str, Any]] = api.get(f"{api.space}/executions").get_json()["data"]
    return found


@pytest.mark.parametrize(("quota", "code"), QUOTAS)
def test_beyond_a_quota_a_trigger_is_told_when_to_come_back(
    api: Caller, workflow_id: str, quota: str, code: str
) -> None:
    limit(api, **{quota: 2})

    replies = [trigger(api, workflow_id) for _ in range(3)]

    assert [reply.status_code for reply in replies] == [202, 202, 429]
    assert replies[2].get_json()["code"] == code
    assert int(replies[2].headers["Retry-After"]) > 0
    assert len(listed(api)) == 2


@pytest.mark.parametrize(("quota", "code"), QUOTAS)
def test_a_batch_that_would_pass_a_quota_is_refused_whole(
    api: Caller, workflow_id: str, quota: str, code: str
) -> None:
    limit(api, **{quota: 2})
    batch = {"executions": [{"workflowId": workflow_id}] * 3}

    reply = api.post(f"{api.space}/executions/batch", batch)

    assert (reply.status_code, reply.get_json()["code"]) == (429, code)
    assert listed(api) == []


def test_a_refused_request_leaves_its_key_unused(api: Caller, workflow_id: str) -> None:
    limit(api, maxPendingExecutions=0)
    refused = trigger(api, workflow_id, idempotencyKey="once")
    limit(api, maxPendingExecutions=1)

    again = trigger(api, workflow_id, idempotencyKey="once")

    assert (refused.status_code, again.status_code) == (429, 202)
    assert "Idempotency-Replayed" not in again.headers


def test_a_repeat_is_answered_although_the_quota_is_used_up(api: Caller, workflow_id: str) -> None:
    limit(api, maxPendingExecutions=1)
    first = trigger(api, workflow_id, idempotencyKey="once")

    again = trigger(api, workflow_id, idempotencyKey="once")

    assert (again.status_code, again.get_json()["id"]) == (202, first.get_json()["id"])


def test_beyond_the_places_an_execution_says_what_it_waits_for(api: Caller, workflow_id: str) -> None:
    limit(api, maxConcurrentExecutions=1)

    reasons = [trigger(api, workflow_id).get_json()["reason"] for _ in range(3)]

    assert reasons == ["queued", "concurrency", "concurrency"]

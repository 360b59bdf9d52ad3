"""Retries by hand: finished executions again, as new ones."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from flask import Flask

from app.queue import SUSPENDED_KEY
from app.states import Role
from tests.api.caller import Caller
from tests.api.execution_rows import add_execution, add_items, add_step
from tests.api.retrying import definition, path, reused, save, see

NO_SUCH_ID = "01a203fc-6170-7947-82ba-8a19c79c87c6"


@pytest.fixture(autouse=True)
def _suspended(redis_url: str) -> None:
    """Keep a worker that another test may have left running from what these tests make."""
    with redis.Redis.from_url(redis_url) as client:
        client.set(SUSPENDED_KEY, "these tests")


@pytest.fixture
def chain(api: Caller) -> dict[str, Any]:
    """Give a saved workflow of three steps in a row."""
    body = {"name": "Chain", "definition": definition("one", "two", "three")}
    found: dict[str, Any] = api.post(f"{api.space}/workflows", body).get_json()
    return found


@pytest.fixture
def failed(app: Flask, chain: dict[str, Any]) -> str:
    """Give an execution whose second step failed."""
    columns = {"input": {"n": 1}, "tags": ["vip"], "trigger": {"a": 1}, "triggered_by": "webhook"}
    execution_id = add_execution(app, chain, "failed", steps_total=3, attempt=2, **columns)
    add_step(app, chain, execution_id, input={"value": "one"}, output={"big": 1e300}, name="First")
    add_step(app, chain, execution_id, step_id="two", position=1, status="failed", error="No")
    add_step(app, chain, execution_id, step_id="three", position=2, status="skipped", attempt=0)
    return execution_id


def test_a_retry_is_a_new_execution_that_names_the_one_it_repeats(api: Caller, failed: str) -> None:
    reply = api.post(path(api, failed))

    made = reply.get_json()
    assert reply.status_code == 202
    assert reply.headers["Location"] == f"{api.space}/executions/{made['id']}"
    assert (made["status"], made["reason"], made["attempt"], made["retryOf"]) == (
        "pending",
        "queued",
        3,
        failed,
    )
    assert (made["input"], made["tags"], made["trigger"]) == ({"n": 1}, ["vip"], {"a": 1})
    assert (made["triggeredBy"], made["stepsDone"], made["stepsTotal"]) == ("webhook", 0, 3)
    assert {key: value for key, value in see(api, made["id"]).items() if key in made} == made
    assert see(api, failed)["retries"] == [made["id"]]
    assert reused(api, made["id"]) == []


def test_what_a_retry_takes_over_is_there_before_it_begins(api: Caller, failed: str) -> None:
    made = api.post(path(api, failed), {"from": "failed"}).get_json()

    detail = see(api, made["id"])
    first, second, third = detail["steps"]
    before = see(api, failed)["steps"][0]
    assert (detail["status"], detail["stepsDone"]) == ("pending", 1)
    assert first == before | {"id": first["id"], "reusedFrom": failed}
    assert first["id"] != before["id"]
    assert (second["status"], third["status"]) == ("pending", "pending")


def test_a_reused_list_of_items_keeps_its_items(app: Flask, api: Caller, chain: dict[str, Any]) -> None:
    execution_id = add_execution(app, chain, "failed", steps_total=3)
    add_step(app, chain, execution_id, items={"total": 2, "completed": 2, "failed": 0})
    add_items(app, execution_id, ["a", {"b": 1}])

    made = api.post(path(api, execution_id), {"from": "two"}).get_json()

    page = api.get(f"{api.space}/executions/{made['id']}/steps/one/items").get_json()
    assert [item["output"] for item in page["data"]] == ["a", {"b": 1}]


@pytest.mark.parametrize(
    ("begin", "taken"),
    [
        ("start", []),
        ("one", []),
        ("two", ["one"]),
        ("three", ["one", "two"]),
        ("failed", ["one", "two", "three"]),
    ],
)
def test_a_completed_execution_can_be_retried_from_anywhere(
    app: Flask, api: Caller, chain: dict[str, Any], begin: str, taken: list[str]
) -> None:
    execution_id = add_execution(app, chain, steps_total=3)
    for position, step_id in enumerate(("one", "two", "three")):
        add_step(app, chain, execution_id, step_id=step_id, position=position)

    reply = api.post(path(api, execution_id), {"from": begin})

    assert reply.status_code == 202
    assert reused(api, reply.get_json()["id"]) == taken
    assert reply.get_json()["stepsDone"] == len(taken)


def test_a_cancelled_execution_goes_on_with_what_it_had(
    app: Flask, api: Caller, chain: dict[str, Any]
) -> None:
    execution_id = add_execution(app, chain, "cancelled", steps_total=3)
    add_step(app, chain, execution_id)
    add_step(app, chain, execution_id, step_id="two", position=1, status="cancelled")

    made = api.post(path(api, execution_id), {"from": "failed"}).get_json()

    assert reused(api, made["id"]) == ["one"]


@pytest.mark.parametrize(
    ("version", "number", "total", "taken"),
    [(None, 1, 3, ["one"]), ("same", 1, 3, ["one"]), ("latest", 2, 4, ["one"])],
)
def test_a_retry_runs_in_the_same_version_or_in_the_latest(
    api: Caller,
    chain: dict[str, Any],
    failed: str,
    version: str | None,
    number: int,
    total: int,
    taken: list[str],
) -> None:
    save(api, chain, definition("one", "two", "three", "four"))
    body = {"from": "failed"} | ({"version": version} if version else {})

    made = api.post(path(api, failed), body).get_json()

    assert (made["workflowVersion"], made["stepsTotal"]) == (number, total)
    assert reused(api, made["id"]) == taken


def test_in_the_latest_version_a_changed_step_and_what_follows_run_again(
    app: Flask, api: Caller, chain: dict[str, Any]
) -> None:
    execution_id = add_execution(app, chain, steps_total=3)
    for position, step_id in enumerate(("one", "two", "three")):
        add_step(app, chain, execution_id, step_id=step_id, position=position)
    newer = definition("one", "two", "three")
    newer["steps"][1]["with"]["value"] = "changed"
    save(api, chain, newer)

    made = api.post(path(api, execution_id), {"from": "three", "version": "latest"}).get_json()

    assert reused(api, made["id"]) == ["one"]


@pytest.mark.parametrize("given", [None, False, [1], {"n": 2}])
def test_a_retry_takes_an_edited_input(api: Caller, failed: str, given: Any) -> None:
    made = api.post(path(api, failed), {"input": given, "from": "two"}).get_json()

    assert made["input"] == see(api, made["id"])["input"] == given
    assert reused(api, made["id"]) == ["one"]


def test_an_edited_input_must_fit_the_input_schema(app: Flask, api: Caller) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    body = {"name": "Strict", "definition": definition("one", inputSchema=schema)}
    workflow = api.post(f"{api.space}/workflows", body).get_json()
    execution_id = add_execution(app, workflow, input={"n": 1})

    refused = api.post(path(api, execution_id), {"input": {"n": "x"}})
    accepted = api.post(path(api, execution_id), {"input": {"n": 2}})

    assert (refused.status_code, refused.get_json()["code"]) == (422, "validation_failed")
    assert refused.get_json()["errors"][0]["path"] == "input.n"
    assert accepted.status_code == 202


REFUSED: list[tuple[Any, int, str]] = [
    ({"from": "fnord"}, 422, "from"),
    ({"from": 5}, 422, "from"),
    ({"from": None}, 422, "from"),
    ({"version": "2"}, 422, "version"),
    ({"version": None}, 422, "version"),
    ({"input": "x" * 1024 * 1024}, 413, ""),
    ({"workflowId": NO_SUCH_ID}, 422, "workflowId"),
    ([], 422, ""),
]


@pytest.mark.parametrize(("body", "status", "place"), REFUSED)
def test_a_bad_body_is_refused_at_its_place(
    api: Caller, failed: str, body: Any, status: int, place: str
) -> None:
    reply = api.post(path(api, failed), body)

    assert reply.status_code == status
    assert status != 422 or [error["path"] for error in reply.get_json()["errors"]] == [place]
    assert see(api, failed)["retries"] == []


def test_an_unknown_step_is_answered_with_the_nearest(api: Caller, failed: str) -> None:
    reply = api.post(path(api, failed), {"from": "tow"})

    assert "did you mean two?" in reply.get_json()["detail"]


@pytest.mark.parametrize("status", ["pending", "running"])
def test_what_has_not_ended_cannot_be_retried(
    app: Flask, api: Caller, chain: dict[str, Any], status: str
) -> None:
    reply = api.post(path(api, add_execution(app, chain, status)))

    assert (reply.status_code, reply.get_json()["code"]) == (409, "execution_not_finished")


def test_an_unknown_execution_is_404(api: Caller, stranger: Caller, failed: str) -> None:
    unknown = api.post(path(api, NO_SUCH_ID))
    foreign = stranger.post(path(stranger, failed))

    assert [reply.status_code for reply in (unknown, foreign)] == [404, 404]


@pytest.mark.parametrize("what", ["workflow", "space"])
def test_without_its_workflow_nothing_can_be_retried(
    api: Caller, chain: dict[str, Any], failed: str, what: str
) -> None:
    gone = f"{api.space}/workflows/{chain['id']}" if what == "workflow" else api.space
    api.ask("DELETE", gone)

    reply = api.post(f"{api.workspace}/executions/{failed}/retry")

    assert (reply.status_code, reply.get_json()["code"]) == (409, "workflow_deleted")


def test_a_disabled_workflow_starts_nothing(api: Caller, chain: dict[str, Any], failed: str) -> None:
    api.ask("PATCH", f"{api.space}/workflows/{chain['id']}", {"enabled": False})

    reply = api.post(path(api, failed))

    assert (reply.status_code, reply.get_json()["code"]) == (409, "workflow_disabled")


@pytest.mark.parametrize(("role", "status"), [(Role.OPERATOR, 202), (Role.VIEWER, 403)])
def test_operators_may_retry(api: Caller, failed: str, role: Role, status: int) -> None:
    assert api.with_role(role).post(path(api, failed)).status_code == status


KEY = {"Idempotency-Key": "again-1"}


def test_the_same_key_makes_one_retry_even_when_the_workflow_is_gone_by_then(
    api: Caller, chain: dict[str, Any], failed: str
) -> None:
    first = api.post(path(api, failed), {"from": "failed"}, headers=KEY)
    api.ask("DELETE", f"{api.space}/workflows/{chain['id']}")

    again = api.post(path(api, failed), {"from": "failed", "idempotencyKey": "again-1"})
    other = api.post(path(api, failed), {"from": "start"}, headers=KEY)

    assert (again.status_code, again.get_json()["id"]) == (202, first.get_json()["id"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert first.get_json()["idempotencyKey"] == "again-1"
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")


def test_parallel_retries_with_one_key_make_one_execution(app: Flask, api: Caller, failed: str) -> None:
    def send(_number: int) -> str:
        caller = Caller(app.test_client(), api.workspace_id, api.space_id, api.key)
        return str(caller.post(path(api, failed), {"from": "failed"}, headers=KEY).get_json()["id"])

    with ThreadPoolExecutor(20) as pool:
        ids = set(pool.map(send, range(20)))

    assert see(api, failed)["retries"] == list(ids)


def test_a_retry_can_be_retried(app: Flask, api: Caller, failed: str) -> None:
    first = api.post(path(api, failed), {"from": "failed"}).get_json()
    api.post(f"{api.space}/executions/{first['id']}/cancel")

    second = api.post(path(api, first["id"]), {"from": "failed"}).get_json()

    assert (second["attempt"], second["retryOf"]) == (4, first["id"])
    assert see(api, second["id"])["steps"][0]["reusedFrom"] == first["id"]

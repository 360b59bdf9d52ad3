"""Bulk cancels and retries: counted, begun with the request, seen through by the tick."""

from typing import Any
from uuid import UUID

import pytest
import redis
from flask import Flask

from app.clock import new_id
from app.queue import SUSPENDED_KEY
from app.services import bulk_batches
from app.states import Role
from tests.api.caller import DEFINITION, Caller
from tests.api.execution_rows import add_execution
from tests.api.sql import sql

NOBODY = "01a203fc-6170-7947-82ba-8a19c79c87c6"


@pytest.fixture(autouse=True)
def _suspended(redis_url: str) -> None:
    """Keep a worker that another test may have left running from what these tests make."""
    with redis.Redis.from_url(redis_url) as client:
        client.set(SUSPENDED_KEY, "these tests")


def add(app: Flask, workflow: dict[str, Any], *statuses: str, **columns: Any) -> list[str]:
    return [add_execution(app, workflow, status, **columns) for status in statuses]


def pending(app: Flask, workflow: dict[str, Any], count: int) -> None:
    """Make many pending executions in one statement."""
    ids = [new_id() for _ in range(count)]
    columns = "workspace_id, space_id, workflow_id, workflow_name, workflow_version, triggered_by, input"
    sql(
        app,
        f"INSERT INTO executions (id, {columns}, steps_total) SELECT unnest(CAST(:ids AS uuid[])),"
        " workspace_id, space_id, id, name, version, 'api', '{}', 1 FROM workflows WHERE id = :workflow",
        ids=ids,
        workflow=workflow["id"],
    )


def statuses(app: Flask, ids: list[str]) -> list[str]:
    rows = sql(app, "SELECT id, status::text AS status FROM executions")
    by_id = {str(row.id): row.status for row in rows}
    return [by_id[execution_id] for execution_id in ids]


def bulk(api: Caller, kind: str, body: Any, place: str | None = None) -> dict[str, Any]:
    reply = api.post(f"{place or api.space}/executions/bulk/{kind}", body)
    assert reply.status_code == (200 if body.get("dryRun") else 202), reply.get_json()
    found: dict[str, Any] = reply.get_json()
    return found


def see(api: Caller, begun: dict[str, Any], place: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"{place or api.space}/executions/bulk/{begun['bulkId']}").get_json()
    return found


def through(app: Flask, api: Caller, begun: dict[str, Any]) -> dict[str, Any]:
    """See an operation through as the tick does; give what it came to."""
    with app.app_context():
        bulk_batches.finish(UUID(begun["bulkId"]))
    return see(api, begun)


def test_a_bulk_cancel_cancels_what_has_not_ended_and_skips_the_rest(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    ids = add(app, workflow, "pending", "running", "completed", "cancelled")

    begun = bulk(api, "cancel", {"ids": [*ids, ids[0]]})

    assert begun["matched"] == 4
    after = through(app, api, begun)
    assert (after["status"], after["done"], after["skipped"], after["matched"]) == ("completed", 2, 2, 4)
    assert statuses(app, ids) == ["cancelled", "running", "completed", "cancelled"]
    first, second = (api.get(f"{api.space}/executions/{i}").get_json() for i in ids[:2])
    assert (first["reason"], second["reason"]) == ("bulk", "cancelling")


def test_an_answer_says_where_to_look_on(app: Flask, api: Caller, workflow: dict[str, Any]) -> None:
    add(app, workflow, "pending")

    reply = api.post(f"{api.workspace}/executions/bulk/cancel", {"filter": {}})

    found = api.get(reply.headers["Location"]).get_json()
    assert reply.status_code == 202
    assert found["bulkId"] == reply.get_json()["bulkId"]
    assert (found["kind"], found["spaceId"]) == ("cancel", None)
    assert found["createdAt"] <= found["completedAt"]


def test_a_filter_narrows_as_in_the_list(app: Flask, api: Caller, workflow: dict[str, Any]) -> None:
    tagged = add(app, workflow, "pending", "pending", tags=["night"])
    others = add(app, workflow, "pending", tags=["day"])

    begun = bulk(api, "cancel", {"filter": {"tag": "night", "status": ["pending", "running"]}})

    assert begun["matched"] == 2
    assert through(app, api, begun)["done"] == 2
    assert statuses(app, tagged + others) == ["cancelled", "cancelled", "pending"]


@pytest.mark.parametrize("status", ["pending,failed", ["pending", "failed"]])
def test_statuses_may_be_a_list_or_a_comma_list(
    app: Flask, api: Caller, workflow: dict[str, Any], status: Any
) -> None:
    add(app, workflow, "pending", "failed", "completed")

    assert bulk(api, "cancel", {"filter": {"status": status}, "dryRun": True})["matched"] == 2


def test_ids_and_a_filter_mean_what_is_in_both(app: Flask, api: Caller, workflow: dict[str, Any]) -> None:
    ids = add(app, workflow, "pending", "failed")
    [other] = add(app, workflow, "pending")

    begun = bulk(api, "cancel", {"ids": ids, "filter": {"status": ["pending"]}})

    assert begun["matched"] == 1
    assert through(app, api, begun)["done"] == 1
    assert statuses(app, [*ids, other]) == ["cancelled", "failed", "pending"]


def test_a_dry_run_counts_and_does_nothing(app: Flask, api: Caller, workflow: dict[str, Any]) -> None:
    ids = add(app, workflow, "pending", "pending", "completed")

    counted = bulk(api, "cancel", {"filter": {}, "dryRun": True})

    assert counted == {"bulkId": None, "matched": 3}
    assert statuses(app, ids) == ["pending", "pending", "completed"]
    assert sql(app, "SELECT 1 FROM bulk_operations") == []


def test_beyond_ten_thousand_the_answer_says_at_least(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    pending(app, workflow, 10_001)

    counted = bulk(api, "cancel", {"filter": {"status": "pending"}, "dryRun": True})
    begun = bulk(api, "cancel", {"filter": {"workflowId": workflow["id"]}})

    assert counted == {"bulkId": None, "matchedAtLeast": 10_000}
    assert (begun["matchedAtLeast"], see(api, begun)["matchedAtLeast"]) == (10_000, 10_000)
    assert (through(app, api, begun)["done"], see(api, begun)["status"]) == (10_001, "completed")
    assert sql(app, "SELECT 1 FROM executions WHERE status <> 'cancelled'") == []


def test_a_bulk_retry_starts_finished_executions_again_and_inherits_what_a_retry_does(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    columns = {"triggered_by": "webhook", "trigger": {"a": 1}, "input": {"n": 7}, "tags": ["vip"]}
    ids = add(app, workflow, "failed", "cancelled", **columns) + add(app, workflow, "pending")

    begun = bulk(api, "retry", {"ids": ids})

    after = through(app, api, begun)
    assert (begun["matched"], after["done"], after["skipped"]) == (3, 2, 1)
    made = api.get(f"{api.space}/executions?retryOf={ids[0]}").get_json()["data"]
    [detail] = [api.get(f"{api.space}/executions/{one['id']}").get_json() for one in made]
    assert (detail["triggeredBy"], detail["trigger"], detail["input"]) == ("webhook", {"a": 1}, {"n": 7})
    assert (detail["attempt"], detail["tags"], detail["status"]) == (2, ["vip"], "pending")


def test_what_a_bulk_retry_makes_is_not_retried_by_it(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    add(app, workflow, *["failed"] * 3)

    begun = bulk(api, "retry", {"filter": {"workflowId": workflow["id"]}})

    assert through(app, api, begun)["done"] == 3
    assert len(sql(app, "SELECT 1 FROM executions")) == 6


@pytest.mark.parametrize("change", ["enabled = false", "deleted_at = now()"])
def test_a_bulk_retry_skips_those_whose_workflow_is_disabled_or_gone(
    app: Flask, api: Caller, workflow: dict[str, Any], change: str
) -> None:
    other = api.post(f"{api.space}/workflows", {"name": "Other", "definition": DEFINITION}).get_json()
    ids = add(app, workflow, "failed") + add(app, other, "failed")
    sql(app, f"UPDATE workflows SET {change} WHERE id = :id", id=workflow["id"])

    begun = bulk(api, "retry", {"ids": ids})

    after = through(app, api, begun)
    assert (after["status"], after["done"], after["skipped"]) == ("completed", 1, 1)


def test_a_bulk_retry_skips_those_that_a_quota_refuses(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    ids = add(app, workflow, *["failed"] * 5)
    sql(app, "UPDATE workspaces SET max_pending_executions = 2")

    after = through(app, api, bulk(api, "retry", {"ids": ids}))

    assert (after["status"], after["done"], after["skipped"]) == ("completed", 2, 3)


@pytest.mark.parametrize("kind", ["cancel", "retry"])
@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ""),
        ({"dryRun": True}, ""),
        ({"ids": []}, "ids"),
        ({"ids": ["x"]}, "ids[0]"),
        ({"ids": [None]}, "ids[0]"),
        ({"ids": NOBODY}, "ids"),
        ({"ids": None}, "ids"),
        ({"filter": None}, "filter"),
        ({"filter": []}, "filter"),
        ({"filter": {"status": []}}, "filter.status"),
        ({"filter": {"status": "over"}}, "filter.status[0]"),
        ({"filter": {"status": 5}}, "filter.status"),
        ({"filter": {"workflowId": None}}, "filter.workflowId"),
        ({"filter": {"tag": 5}}, "filter.tag"),
        ({"filter": {"q": "x"}}, "filter.q"),
        ({"filter": {"createdAfter": "yesterday"}}, "filter.createdAfter"),
        ({"filter": {"limit": 5}}, "filter.limit"),
        ({"filter": {}, "dryRun": "yes"}, "dryRun"),
        ({"filter": {}, "dryRun": "${{ true }}"}, "dryRun"),
        ({"filter": {}, "force": True}, "force"),
    ],
)
def test_a_selection_that_says_nothing_or_nonsense_is_refused(
    app: Flask, api: Caller, workflow: dict[str, Any], kind: str, body: Any, path: str
) -> None:
    add(app, workflow, "pending")

    reply = api.post(f"{api.space}/executions/bulk/{kind}", body)

    assert (reply.status_code, reply.get_json()["code"]) == (422, "validation_failed")
    assert [fault["path"] for fault in reply.get_json()["errors"]] == [path]
    assert sql(app, "SELECT 1 FROM bulk_operations") == []


def test_ids_of_others_and_of_other_spaces_are_unknown(
    app: Flask, api: Caller, stranger: Caller, workflow: dict[str, Any]
) -> None:
    [mine] = add(app, workflow, "pending")
    elsewhere = api.post(f"{api.workspace}/spaces", {"name": "Elsewhere"}).get_json()["id"]

    for caller, place in (
        (stranger, stranger.space),
        (stranger, stranger.workspace),
        (api, f"{api.workspace}/spaces/{elsewhere}"),
    ):
        reply = caller.post(f"{place}/executions/bulk/cancel", {"ids": [mine]})
        assert (reply.status_code, reply.get_json()["code"]) == (404, "not_found")
        assert bulk(caller, "cancel", {"filter": {"workflowId": workflow["id"]}}, place)["matched"] == 0
        assert bulk(caller, "cancel", {"filter": {}}, place)["matched"] == 0

    assert statuses(app, [mine]) == ["pending"]


def test_an_operation_is_seen_in_its_space_and_workspace_alone(
    app: Flask, api: Caller, stranger: Caller, workflow: dict[str, Any]
) -> None:
    add(app, workflow, "pending")
    elsewhere = api.post(f"{api.workspace}/spaces", {"name": "Elsewhere"}).get_json()["id"]
    begun = bulk(api, "cancel", {"filter": {}})

    places = (api.space, api.workspace, f"{api.workspace}/spaces/{elsewhere}")
    seen = [api.get(f"{place}/executions/bulk/{begun['bulkId']}").status_code for place in places]
    seen.append(stranger.get(f"{stranger.workspace}/executions/bulk/{begun['bulkId']}").status_code)
    seen.append(api.get(f"{api.space}/executions/bulk/{NOBODY}").status_code)

    assert seen == [200, 200, 404, 404, 404]


def test_operators_may_and_viewers_only_look(app: Flask, api: Caller, workflow: dict[str, Any]) -> None:
    add(app, workflow, "pending")
    viewer, operator = api.with_role(Role.VIEWER), api.with_role(Role.OPERATOR)

    refused = viewer.post(f"{api.space}/executions/bulk/cancel", {"filter": {}})
    begun = bulk(operator, "cancel", {"filter": {}})

    assert (refused.status_code, refused.get_json()["code"]) == (403, "forbidden")
    assert see(viewer, begun)["matched"] == 1


def test_a_deleted_space_is_named_no_more(app: Flask, api: Caller, workflow: dict[str, Any]) -> None:
    add(app, workflow, "pending")
    begun = bulk(api, "cancel", {"filter": {}})
    before = see(api, begun, api.workspace)

    api.ask("DELETE", api.space)

    assert before["spaceId"] == str(api.space_id)
    assert see(api, begun, api.workspace) == before | {"spaceId": None}

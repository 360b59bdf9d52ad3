"""The record of webhook deliveries: shown, delivered again, forgotten."""

import time
import uuid
from typing import Any

import pytest
from flask import Flask

from app.errors import NotFound
from app.services import inbound, webhooks
from app.services.tick import PASSES
from tests.api.caller import Caller
from tests.api.sender import new_hook
from tests.api.sql import sql


def test_the_record_of_a_delivery_tells_what_came_and_what_it_made(
    api: Caller, workflow: dict[str, Any]
) -> None:
    hook = new_hook(api, workflow, "github")
    sent = hook.send_signed(b'{"a": "\xc3\xa9"}', headers={"X-GitHub-Event": "push"}, query_string="x=1")

    [row] = hook.deliveries()

    assert row | {"headers": row["headers"]["x-github-event"]} == {
        "id": row["id"],
        "receivedAt": row["receivedAt"],
        "outcome": "accepted",
        "reason": None,
        "deliveryId": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "executionId": sent.json["executionId"],
        "method": "POST",
        "query": {"x": "1"},
        "headers": "push",
        "body": '{"a": "é"}',
        "count": 1,
    }
    assert api.get(f"{hook.path}/deliveries/{row['id']}").json == row
    assert api.get(f"{hook.path}/deliveries/{uuid.uuid4()}").status_code == 404


def test_a_page_of_deliveries_is_short_where_bodies_are_long(api: Caller, workflow: dict[str, Any]) -> None:
    hook = new_hook(api, workflow)
    for number in range(6):
        hook.send(b'"' + b"x" * 1_000_000 + b'"', headers={"webhook-id": str(number)})

    first = api.get(f"{hook.path}/deliveries").json
    rest = api.get(f"{hook.path}/deliveries?cursor={first['nextCursor']}").json

    ids = [row["deliveryId"] for page in (first, rest) for row in page["data"]]
    assert ids == ["5", "4", "3", "2", "1", "0"]
    assert rest["nextCursor"] is None


@pytest.mark.parametrize(
    ("body", "kind", "wanted"),
    [
        (b'{"a": [1, 2.5, null]}', "application/json", {"a": [1, 2.5, None]}),
        (b"a=1&b=2", "application/x-www-form-urlencoded", {"a": "1", "b": "2"}),
        (b"hello", "text/plain", {"body": "hello"}),
    ],
)
def test_a_delivery_that_is_delivered_again_makes_a_new_execution_of_the_same(
    api: Caller, workflow: dict[str, Any], body: bytes, kind: str, wanted: Any
) -> None:
    hook = new_hook(api, workflow)
    first = hook.send(body, content_type=kind, headers={"webhook-id": "1", "X-E": "e"}, query_string="q=1")

    again = api.post(f"{hook.path}/deliveries/{hook.deliveries()[0]['id']}/redeliver")

    made, original = hook.execution(again), hook.execution(first)
    assert again.status_code == 202
    assert made["id"] != original["id"]
    assert made["input"] == original["input"] == wanted
    assert made["trigger"] == original["trigger"]
    assert (made["triggeredBy"], made["webhookId"]) == ("webhook", hook.made["id"])
    assert hook.deliveries()[0]["reason"] == "redelivered"
    assert hook.send(body, content_type=kind, headers={"webhook-id": "1"}).json == first.json


def test_what_is_delivered_again_takes_no_body_of_its_own(api: Caller, workflow: dict[str, Any]) -> None:
    hook = new_hook(api, workflow)
    hook.send()
    path = f"{hook.path}/deliveries/{hook.deliveries()[0]['id']}/redeliver"

    replies = [api.post(path, body) for body in ({"x": 1}, [], {})]

    assert [reply.status_code for reply in replies] == [422, 422, 202]
    assert [fault["path"] for fault in replies[0].json["errors"]] == ["x"]
    assert len(hook.executions()) == 2


def test_a_refused_delivery_and_a_disabled_workflow_are_not_delivered_again(
    api: Caller, workflow: dict[str, Any]
) -> None:
    hook = new_hook(api, workflow)
    hook.send()
    accepted = hook.deliveries()[0]["id"]
    hook.send(b"{")
    refused = hook.deliveries()[0]["id"]
    api.ask("PATCH", f"{api.space}/workflows/{workflow['id']}", {"enabled": False})

    replies = [api.post(f"{hook.path}/deliveries/{one}/redeliver") for one in (refused, accepted)]

    assert [reply.status_code for reply in replies] == [422, 409]
    assert [fault["path"] for fault in replies[0].json["errors"]] == ["deliveryId"]
    assert [row["outcome"] for row in hook.deliveries()] == ["rejected", "rejected", "accepted"]


def test_a_delivery_and_its_execution_stand_or_fall_together(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    hook = new_hook(api, workflow)
    sql(app, "ALTER TABLE webhook_deliveries ADD CONSTRAINT c4nary CHECK (outcome <> 'accepted') NOT VALID")
    try:
        reply = hook.send()
    finally:
        sql(app, "ALTER TABLE webhook_deliveries DROP CONSTRAINT c4nary")

    assert reply.status_code == 500
    assert hook.executions() == hook.deliveries() == []


def test_a_program_may_trigger_a_webhook_with_a_payload(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    hook = new_hook(api, workflow)

    with app.app_context():
        started = inbound.trigger(uuid.UUID(hook.made["id"]), {"n": 1})

        with pytest.raises(NotFound):
            inbound.trigger(uuid.uuid4(), {"n": 1})

    [execution] = hook.executions()
    assert (execution["id"], execution["workspaceId"]) == (str(started.execution_id), str(api.workspace_id))
    assert api.get(f"{api.space}/executions/{execution['id']}").json["input"] == {"n": 1}


def test_the_tick_forgets_what_is_old_and_what_deleted_webhooks_left(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    kept, gone = new_hook(api, workflow), new_hook(api, workflow)
    for hook in (kept, gone):
        hook.send()
    old = uuid.UUID(int=int((time.time() - 7 * 86_400 - 60) * 1000) << 80)
    insert = "INSERT INTO webhook_deliveries (id, webhook_id, outcome, method, headers)"
    sql(app, f"{insert} VALUES (:id, :hook, 'rejected', 'POST', '{{}}')", id=old, hook=kept.made["id"])
    api.ask("DELETE", gone.path)
    sql(app, "UPDATE webhooks SET deleted_at = now() - interval '2 minutes' WHERE deleted_at IS NOT NULL")

    with app.app_context():
        webhooks.forget_old_deliveries()

    assert webhooks.forget_old_deliveries in PASSES
    assert [row.id for row in sql(app, "SELECT id FROM webhooks")] == [uuid.UUID(kept.made["id"])]
    assert [row["outcome"] for row in kept.deliveries()] == ["accepted"]
    assert len(api.get(f"{api.space}/executions").json["data"]) == 2


def test_a_workspace_that_keeps_less_forgets_deliveries_sooner(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    hook = new_hook(api, workflow)
    old = uuid.UUID(int=int((time.time() - 2 * 86_400) * 1000) << 80)
    hook.send()
    sql(app, "UPDATE webhook_deliveries SET id = :id", id=old)

    with app.app_context():
        webhooks.forget_old_deliveries()
        before = hook.deliveries()
        api.ask("PATCH", f"{api.workspace}/quotas", {"retentionDays": 1})
        webhooks.forget_old_deliveries()

    assert [row["outcome"] for row in before] == ["accepted"]
    assert hook.deliveries() == []

"""A delivery makes one execution, however often and in however many parallel calls it comes."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from tests.api.caller import Caller
from tests.api.sender import Hook, new_hook, stripe
from tests.api.sql import sql


@pytest.fixture
def hook(api: Caller, workflow: dict[str, Any]) -> Hook:
    return new_hook(api, workflow)


@pytest.mark.parametrize(
    ("scheme", "body", "headers"),
    [
        ("none", b"{}", {"webhook-id": "1"}),
        ("none", b"{}", {"X-GitHub-Delivery": "1"}),
        ("none", b"{}", {"Idempotency-Key": "x" * 3000}),
        ("standard", b"{}", {}),
        ("github", b"{}", {}),
        ("stripe", b'{"id": "evt_1", "object": "event"}', {}),
        ("slack", b'{"event_id": "Ev1", "type": "event_callback"}', {}),
    ],
)
def test_a_delivery_that_comes_again_gives_the_first_execution(
    api: Caller, workflow: dict[str, Any], scheme: str, body: bytes, headers: dict[str, str]
) -> None:
    hook = new_hook(api, workflow, scheme)
    send = hook.send if scheme == "none" else hook.send_signed

    first, again = send(body, headers=headers), send(body, headers=headers)

    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json == again.json
    assert len(hook.executions()) == 1
    assert [row["outcome"] for row in hook.deliveries()] == ["duplicate", "accepted"]
    assert {row["executionId"] for row in hook.deliveries()} == {first.json["executionId"]}


def test_a_replayed_stripe_event_cannot_pass_for_new_with_another_header(
    api: Caller, workflow: dict[str, Any]
) -> None:
    hook = new_hook(api, workflow, "stripe")
    body = b'{"id": "evt_1"}'
    signed = stripe(hook.made["secret"], body)

    replies = [hook.send(body, headers=signed | {"Idempotency-Key": str(n)}) for n in range(3)]

    assert [reply.status_code for reply in replies] == [202, 200, 200]


def test_the_same_id_at_another_webhook_is_another_delivery(api: Caller, workflow: dict[str, Any]) -> None:
    one, other = new_hook(api, workflow), new_hook(api, workflow)

    replies = [hook.send(headers={"webhook-id": "1"}) for hook in (one, other)]

    assert [reply.status_code for reply in replies] == [202, 202]


def test_an_id_is_forgotten_after_seven_days_and_not_before(app: Flask, hook: Hook) -> None:
    first = hook.send(headers={"webhook-id": "1"})
    sql(app, "UPDATE webhook_deliveries SET received_at = now() - interval '167 hours'")
    same = hook.send(headers={"webhook-id": "1"})
    sql(app, "UPDATE webhook_deliveries SET received_at = now() - interval '169 hours'")

    again = hook.send(headers={"webhook-id": "1"})

    assert (same.status_code, same.json) == (200, first.json)
    assert again.status_code == 202
    assert again.json != first.json


def test_fifty_parallel_identical_deliveries_make_one_execution(app: Flask, hook: Hook) -> None:
    def send(_: int) -> tuple[int, str]:
        headers = {"webhook-id": "msg_1"}
        reply = app.test_client().post(f"/webhooks/{hook.made['id']}", json={"n": 1}, headers=headers)
        return reply.status_code, reply.json["executionId"]

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(send, range(50)))

    assert len({execution_id for _, execution_id in answers}) == 1
    assert sorted(status for status, _ in answers) == [200] * 49 + [202]
    assert len(hook.executions()) == 1
    assert sorted(row["outcome"] for row in hook.deliveries()) == ["accepted", *["duplicate"] * 49]


def test_of_a_delivery_that_came_before_little_is_kept(hook: Hook) -> None:
    headers = {"webhook-id": "1", "X-Event": "push", "X-Long": "x" * 2000}

    for _ in range(2):
        hook.send(headers=headers, query_string={"q": "y" * 2000})

    again, first = hook.deliveries()
    assert (first["headers"]["x-long"], first["query"]["q"]) == ("x" * 2000, "y" * 2000)
    assert (again["outcome"], again["headers"]["x-event"], again["query"]) == ("duplicate", "push", {})
    assert "x-long" not in again["headers"]


def test_refused_calls_beyond_sixty_a_minute_share_one_row(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    hook = new_hook(api, workflow, "github")
    headers = {"X-Long": "x" * 20_000}

    def send(_: int) -> int:
        return app.test_client().post(f"/webhooks/{hook.made['id']}", json={}, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(send, range(100))) == {401}

    rows = hook.deliveries()
    assert sorted(row["count"] for row in rows) == [1] * 60 + [40]
    assert [row["reason"] for row in rows if row["count"] == 40] == ["too_many"]
    assert "x" * 2000 not in json.dumps(rows)

"""What providers send arrives as it was sent: all examples of GitHub's library, and shapes of the others."""

import json
import lzma
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.api.caller import Caller
from tests.api.sender import SIGNERS, Hook, github, new_hook
from tests.api.sql import sql

EVENTS = json.loads(lzma.decompress((Path(__file__).parent / "payloads" / "github.json.xz").read_bytes()))
GITHUB = [(event["name"], example) for event in EVENTS for example in event["examples"]]

STRIPE = {
    "id": "evt_1PqXyz2eZvKYlo2CAbCdEfGh",
    "object": "event",
    "api_version": "2024-06-20",
    "created": 1718000000,
    "data": {
        "object": {
            "id": "in_1PqXyy2eZvKYlo2C",
            "object": "invoice",
            "amount_due": 999999999999,
            "currency": "jpy",
            "customer_name": "Zoë Müller 株式会社",
            "discount": None,
            "lines": {"object": "list", "data": [{"quantity": 3, "unit_amount_decimal": "12.345"}]},
            "metadata": {"order.id": "A-1", "note": 'quotes " and \\ and \u2028'},
            "tax_percent": 7.7,
        },
        "previous_attributes": {"status": "draft"},
    },
    "livemode": False,
    "pending_webhooks": 1,
    "request": {"id": None, "idempotency_key": None},
    "type": "invoice.paid",
}
SLACK = {
    "token": "XXYYZZ",
    "team_id": "T123ABC456",
    "api_app_id": "A123ABC456",
    "event": {
        "type": "message",
        "user": "U123ABC456",
        "text": "Hi <@U456> &amp; all :wave: 👋🏽",
        "ts": "1515449522.000016",
        "blocks": [{"type": "rich_text", "elements": [{"type": "emoji", "name": "wave", "skin_tone": 3}]}],
        "edited": None,
    },
    "type": "event_callback",
    "event_id": "Ev123ABC456",
    "event_time": 1515449522000016,
    "authorizations": [{"enterprise_id": None, "is_bot": False}],
}
STANDARD = {
    "type": "user.created",
    "timestamp": "2022-11-03T20:26:10.344522Z",
    "data": {"id": "1f81eb52-5198-4599-803e-771906343485", "score": -0.1, "empty": {}, "": [[], [None]]},
}


@pytest.mark.parametrize("escaped", [True, False], ids=["ascii", "utf-8"])
def test_every_example_of_github_arrives_as_it_was_sent(
    app: Flask, api: Caller, workflow: dict[str, Any], escaped: bool
) -> None:
    hook = new_hook(api, workflow, "github")
    examples = [example for example in GITHUB if escaped or not is_ascii(example[1])]

    replies = [send(hook, str(number), *example, escaped) for number, example in enumerate(examples)]

    rows = {str(row.id): row for row in sql(app, "SELECT id, input::text AS input, trigger FROM executions")}
    found = [rows[reply.json["executionId"]] for reply in replies]
    arrived = [(row.trigger["headers"]["x-github-event"], json.loads(row.input)) for row in found]
    assert [sent[0] for sent, got in zip(examples, arrived, strict=True) if got != sent] == []
    assert hook.input_of(replies[0]) == examples[0][1]


def is_ascii(payload: Any) -> bool:
    """Tell whether nothing in a payload would be escaped."""
    return json.dumps(payload, ensure_ascii=False).isascii()


def send(hook: Hook, delivery: str, event: str, payload: Any, escaped: bool) -> TestResponse:
    """Send one example as GitHub does."""
    body = json.dumps(payload, ensure_ascii=escaped, indent=None if escaped else 2).encode()
    headers = github(hook.made["secret"], body, delivery) | {"X-GitHub-Event": event}
    reply = hook.send(body, headers=headers)
    assert reply.status_code == 202, reply.text
    return reply


@pytest.mark.parametrize(
    ("scheme", "payload"), [("stripe", STRIPE), ("slack", SLACK), ("standard", STANDARD), ("hmac", STRIPE)]
)
def test_a_payload_shaped_as_a_provider_documents_it_arrives_as_it_was_sent(
    api: Caller, workflow: dict[str, Any], scheme: str, payload: Any
) -> None:
    hook = new_hook(api, workflow, scheme)

    reply = hook.send_signed(json.dumps(payload, ensure_ascii=False, indent=1).encode())

    assert hook.input_of(reply) == payload


def test_slack_sends_what_a_person_clicked_as_json_inside_a_form(
    api: Caller, workflow: dict[str, Any]
) -> None:
    hook = new_hook(api, workflow, "slack")
    clicked = json.dumps({"type": "block_actions", "actions": [{"value": "Größe & =+%"}]})
    body = urlencode({"payload": clicked}).encode()
    headers = SIGNERS["slack"](hook.made["secret"], body)

    reply = hook.send(body, content_type="application/x-www-form-urlencoded", headers=headers)

    assert hook.input_of(reply) == {"payload": clicked}

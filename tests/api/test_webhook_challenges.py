"""What a provider gets back that asks whether a URL is ours: its own text, and never as a page."""

from typing import Any

import pytest

from tests.api.caller import Caller
from tests.api.sender import new_hook

HOSTILE = "<script>alert(document.domain)</script>"


def test_a_challenge_is_text_that_no_browser_takes_for_a_page(api: Caller, workflow: dict[str, Any]) -> None:
    hook = new_hook(api, workflow, "none")

    reply = hook.send(method="GET", query_string={"hub.mode": "subscribe", "hub.challenge": HOSTILE})

    assert (reply.status_code, reply.text) == (200, HOSTILE)
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert hook.executions() == []


def test_a_challenge_to_slack_is_json(api: Caller, workflow: dict[str, Any]) -> None:
    hook = new_hook(api, workflow, "slack")

    reply = hook.send_signed(b'{"type": "url_verification", "challenge": "<b>x</b>"}')

    assert (reply.status_code, reply.mimetype) == (200, "application/json")
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "asked",
    [
        {"hub.mode": "unsubscribe", "hub.challenge": "1"},
        {"hub.mode": "subscribe", "hub.challenge": ""},
        {"hub.mode": "subscribe", "hub.challenge": "x" * 2001},
        {"hub.mode": "subscribe", "hub.challenge": ["1", "2"]},
        {"hub.challenge_": HOSTILE},
    ],
)
def test_what_is_no_challenge_is_not_repeated(
    api: Caller, workflow: dict[str, Any], asked: dict[str, Any]
) -> None:
    hook = new_hook(api, workflow, "none")

    reply = hook.send(method="GET", query_string=asked)

    assert (reply.status_code, reply.mimetype) == (202, "application/json")
    assert list(reply.json) == ["executionId"]


def test_an_address_of_nobody_repeats_nothing(api: Caller) -> None:
    path = "/webhooks/<script>"

    reply = api.client.get(path, query_string={"hub.mode": "subscribe", "hub.challenge": HOSTILE})

    assert (reply.status_code, reply.mimetype) == (401, "application/problem+json")
    assert "script" not in reply.text

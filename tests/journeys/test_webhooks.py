"""A call from outside goes all the way: verified, made, run by a worker, answered with the result."""

import time

import pytest

from tests.api.sender import Hook, new_hook
from tests.journeys.traveller import Traveller, value

pytestmark = pytest.mark.usefixtures("worker")
ECHO = {"order": "${{ input.order }}", "event": "${{ trigger.headers['x-event'] }}"}


def hook(traveller: Traveller, workflow_id: str, **more: str) -> Hook:
    return new_hook(traveller.api, {"id": workflow_id}, "github", **more)


def test_a_webhook_answers_with_what_the_workflow_made_of_its_payload(traveller: Traveller) -> None:
    workflow_id = traveller.workflow(value("echo", ECHO))

    reply = hook(traveller, workflow_id, respond="result").send_signed(
        b'{"order": [1, 2]}', headers={"X-Event": "sold"}
    )

    assert (reply.status_code, reply.json) == (200, {"order": [1, 2], "event": "sold"})


def test_a_webhook_whose_workflow_fails_says_so(traveller: Traveller) -> None:
    workflow_id = traveller.workflow({"id": "no", "type": "fail", "with": {"message": "out of apples"}})

    reply = hook(traveller, workflow_id, respond="result").send_signed(b"{}")

    assert (reply.status_code, "apples" in reply.text) == (502, False)
    assert traveller.see(reply.json["executionId"])["status"] == "failed"


def test_a_result_comes_soon_after_the_end(traveller: Traveller) -> None:
    target = hook(traveller, traveller.workflow(value("one", 1)), respond="result")
    target.send_signed(signing={"id": "first"})

    began = time.monotonic()
    reply = target.send_signed(signing={"id": "second"})

    assert (reply.status_code, reply.json) == (200, 1)
    assert time.monotonic() - began < 10  # an answer may wait for 25 s

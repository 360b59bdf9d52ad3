"""Webhooks that answer with the result of their execution."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.api import inbound
from tests.api.caller import Caller
from tests.api.execution_rows import AT, change_execution
from tests.api.sender import Hook, new_hook
from tests.journeys.processes import eventually


@pytest.fixture
def hook(api: Caller, workflow: dict[str, Any]) -> Hook:
    return new_hook(api, workflow, respond="result")


@pytest.fixture
def waiting(app: Flask, hook: Hook) -> Iterator[Future[TestResponse]]:
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(app.test_client().post, f"/webhooks/{hook.made['id']}", json={"n": 1})


def made(hook: Hook) -> str:
    return str(eventually(hook.executions)[0]["id"])


@pytest.mark.parametrize("output", [{"a": [1, "é"]}, None, 0, "text"])
def test_the_answer_is_the_output(app: Flask, hook: Hook, waiting: Future[TestResponse], output: Any) -> None:
    times = {"started_at": AT, "completed_at": AT}

    change_execution(app, made(hook), status="completed", reason=None, output=output, **times)

    reply = waiting.result(60)
    assert (reply.status_code, reply.mimetype, reply.json) == (200, "application/json", output)


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        ("failed", "step_failed", "The execution failed."),
        ("cancelled", "requested", "The execution was cancelled."),
    ],
)
def test_without_a_result_the_answer_names_the_execution_and_hides_its_error(
    app: Flask, hook: Hook, waiting: Future[TestResponse], status: str, reason: str, said: str
) -> None:
    execution_id = made(hook)
    ended = {"started_at": AT, "completed_at": AT, "error": "the password was wrong"}

    change_execution(app, execution_id, status=status, reason=reason, **ended)

    reply = waiting.result(60)
    assert (reply.status_code, reply.mimetype) == (502, "application/problem+json")
    assert (reply.json["executionId"], reply.json["detail"]) == (execution_id, said)
    assert "password" not in reply.text


def test_an_execution_that_takes_longer_is_answered_as_accepted(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "RESULT_SECONDS", 0.1)

    reply = hook.send()

    assert (reply.status_code, list(reply.json)) == (202, ["executionId"])


def test_a_delivery_that_comes_again_is_answered_with_its_execution(
    app: Flask, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "RESULT_SECONDS", 0.1)
    first = hook.send(headers={"webhook-id": "1"})
    times = {"started_at": AT, "completed_at": AT}
    change_execution(app, made(hook), status="completed", reason=None, output=7, **times)

    again = hook.send(headers={"webhook-id": "1"})

    assert (again.status_code, again.json) == (200, first.json)

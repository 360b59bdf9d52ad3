"""Executions are started, one or many, once for each idempotency key."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count, takewhile
from typing import Any

import pytest
from flask import Flask

from app.states import Role
from tests.api.conftest import DEFINITION, Caller
from tests.api.execution_rows import AT, change_execution
from tests.journeys.processes import eventually

STARTED = {"status": "running", "reason": None, "started_at": AT, "worker": "w", "lease_expires_at": AT}
NO_SUCH_ID = "01a203fc-6170-7947-82ba-8a19c79c87c6"


def test_a_trigger_answers_with_the_pending_execution(api: Caller, workflow: dict[str, Any]) -> None:
    body = {"workflowId": workflow["id"], "input": {"n": 1e20}, "tags": ["vip", "eu", "vip"]}

    reply = api.post(f"{api.space}/executions", body)

    made = reply.get_json()
    assert reply.status_code == 202
    assert reply.headers["Location"] == f"{api.space}/executions/{made['id']}"
    assert (made["status"], made["reason"], made["triggeredBy"]) == ("pending", "queued", "api")
    assert (made["input"], made["tags"], made["stepsTotal"]) == ({"n": 1e20}, ["vip", "eu"], 1)
    assert (made["workflowName"], made["workflowVersion"], made["attempt"]) == ("Add one", 1, 1)
    assert {
        key: value for key, value in api.get(reply.headers["Location"]).get_json().items() if key in made
    } == made


@pytest.mark.parametrize("value", [None, False, 0, "text", [], [1, [2]], {"a": {"b": None}}, 0.1, -1e300])
def test_an_input_of_any_kind_reads_back_equal(api: Caller, workflow: dict[str, Any], value: Any) -> None:
    reply = api.post(f"{api.space}/executions", {"workflowId": workflow["id"], "input": value})

    assert reply.get_json()["input"] == value
    assert api.get(reply.headers["Location"]).get_json()["input"] == value


def test_an_input_left_out_is_an_empty_object(api: Caller, workflow: dict[str, Any]) -> None:
    reply = api.post(f"{api.space}/executions", {"workflowId": workflow["id"]})

    assert reply.get_json()["input"] == {}


def test_a_trigger_for_later_is_delayed(api: Caller, workflow: dict[str, Any]) -> None:
    body = {"workflowId": workflow["id"], "runAt": "2999-01-01T00:00:00+01:00", "triggeredBy": "manual"}

    made = api.post(f"{api.space}/executions", body).get_json()

    assert (made["reason"], made["runAt"]) == ("delayed", "2998-12-31T23:00:00.000000Z")
    assert made["triggeredBy"] == "manual"
    assert api.executions()[0]["reason"] == "delayed"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"workflowId": None}, "workflowId"),
    ({"workflowId": "7"}, "workflowId"),
    ({"workflowId": "{" + NO_SUCH_ID + "}"}, "workflowId"),
    ({"triggeredBy": "schedule"}, "triggeredBy"),
    ({"triggeredBy": 1}, "triggeredBy"),
    ({"tags": "vip"}, "tags"),
    ({"tags": [1]}, "tags[0]"),
    ({"tags": [""]}, "tags[0]"),
    ({"tags": ["x" * 65]}, "tags[0]"),
    ({"tags": [str(number) for number in range(21)]}, "tags"),
    ({"runAt": "2030-01-01T00:00:00"}, "runAt"),
    ({"runAt": "tomorrow"}, "runAt"),
    ({"runAt": 5}, "runAt"),
    ({"idempotencyKey": ""}, "idempotencyKey"),
    ({"idempotencyKey": "x" * 256}, "idempotencyKey"),
    ({"idempotencyKey": "é"}, "idempotencyKey"),
    ({"idempotencyKey": "a\n"}, "idempotencyKey"),
    ({"workspaceId": NO_SUCH_ID}, "workspaceId"),
    ({"status": "completed"}, "status"),
]


@pytest.mark.parametrize(("wrong", "path"), REFUSED)
def test_a_trigger_that_is_not_valid_is_refused_with_the_place(
    api: Caller, workflow: dict[str, Any], wrong: dict[str, Any], path: str
) -> None:
    reply = api.post(f"{api.space}/executions", {"workflowId": workflow["id"]} | wrong)

    assert (reply.status_code, reply.get_json()["code"]) == (422, "validation_failed")
    assert [fault["path"] for fault in reply.get_json()["errors"]] == [path]
    assert api.executions() == []


HEADERS = [
    ({"Idempotency-Key": ""}, "Idempotency-Key"),
    ({"Idempotency-Key": "x" * 256}, "Idempotency-Key"),
    ({"Idempotency-Key": "other"}, "idempotencyKey"),
    ({"Prefer": "wait=0"}, "Prefer"),
    ({"Prefer": "wait=26"}, "Prefer"),
    ({"Prefer": "respond-async, wait=soon"}, "Prefer"),
]


@pytest.mark.parametrize(("headers", "path"), HEADERS)
def test_a_header_that_is_not_valid_is_refused(
    api: Caller, workflow: dict[str, Any], headers: dict[str, str], path: str
) -> None:
    body = {"workflowId": workflow["id"], "idempotencyKey": "mine"}

    reply = api.post(f"{api.space}/executions", body, headers=headers)

    assert (reply.status_code, reply.get_json()["errors"][0]["path"]) == (422, path)
    assert api.executions() == []


def test_an_unknown_or_foreign_workflow_is_not_found(
    api: Caller, stranger: Caller, workflow: dict[str, Any]
) -> None:
    unknown = api.post(f"{api.space}/executions", {"workflowId": NO_SUCH_ID})
    foreign = stranger.post(f"{stranger.space}/executions", {"workflowId": workflow["id"]})

    assert [(reply.status_code, reply.get_json()["code"]) for reply in (unknown, foreign)] == [
        (404, "not_found")
    ] * 2


def test_a_disabled_workflow_starts_nothing(api: Caller, workflow: dict[str, Any]) -> None:
    api.ask("PATCH", f"{api.space}/workflows/{workflow['id']}", {"enabled": False})

    reply = api.post(f"{api.space}/executions", {"workflowId": workflow["id"]})

    assert (reply.status_code, reply.get_json()["code"]) == (409, "workflow_disabled")


def test_a_viewer_may_not_trigger(api: Caller, workflow: dict[str, Any]) -> None:
    viewer = api.with_role(Role.VIEWER)

    reply = viewer.post(f"{api.space}/executions", {"workflowId": workflow["id"]})

    assert (reply.status_code, reply.get_json()["code"]) == (403, "forbidden")


def test_the_same_key_and_body_give_the_execution_as_it_is_now(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    body = {"workflowId": workflow["id"], "input": {"a": 1, "b": 2}}
    first = api.post(f"{api.space}/executions", body, headers={"Idempotency-Key": "k"})
    change_execution(app, first.get_json()["id"], reason="concurrency")

    again = {"idempotencyKey": "k", "input": {"b": 2.0, "a": 1}, "workflowId": workflow["id"]}
    reply = api.post(f"{api.space}/executions", again)

    assert (reply.status_code, reply.headers["Idempotency-Replayed"]) == (202, "true")
    assert reply.get_json() == first.get_json() | {"reason": "concurrency"}
    assert "Idempotency-Replayed" not in first.headers
    assert len(api.executions()) == 1


def test_the_same_key_with_another_body_is_refused(api: Caller, workflow: dict[str, Any]) -> None:
    body = {"workflowId": workflow["id"], "idempotencyKey": "k"}
    api.post(f"{api.space}/executions", body)

    reply = api.post(f"{api.space}/executions", body | {"input": 1})

    assert (reply.status_code, reply.get_json()["code"]) == (422, "idempotency_key_reused")
    assert [fault["path"] for fault in reply.get_json()["errors"]] == ["idempotencyKey"]


def test_parallel_requests_with_one_key_make_one_execution(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    body = {"workflowId": workflow["id"], "idempotencyKey": "k"}

    def send(_: int) -> tuple[int, str]:
        caller = Caller(app.test_client(), api.workspace_id, api.space_id, api.key)
        reply = caller.post(f"{api.space}/executions", body)
        return reply.status_code, reply.get_json()["id"]

    with ThreadPoolExecutor(12) as pool:
        answers = set(pool.map(send, range(50)))

    assert answers == {(202, api.executions()[0]["id"])}
    assert len(api.executions()) == 1


def test_waiting_ends_with_202_where_no_worker_is(api: Caller, workflow: dict[str, Any]) -> None:
    body = {"workflowId": workflow["id"]}

    reply = api.post(f"{api.space}/executions", body, headers={"Prefer": "wait=1"})

    assert (reply.status_code, reply.headers["Preference-Applied"]) == (202, "wait=1")


def test_a_wait_that_runs_out_is_answered_with_what_is_true_then(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    caller = Caller(app.test_client(), api.workspace_id, api.space_id, api.key)
    body, ending = {"workflowId": workflow["id"]}, app.extensions["ending"]

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(caller.post, f"{api.space}/executions", body, headers={"Prefer": "wait=25"})
        try:
            change_execution(app, eventually(api.executions)[0]["id"], **STARTED)
            ending.set()
            reply = waiting.result(60)
        finally:
            ending.clear()

    answer, now = reply.get_json(), api.get(reply.headers["Location"]).get_json()
    assert (reply.status_code, answer["status"], answer["startedAt"]) == (202, "running", now["startedAt"])
    assert answer == {name: now[name] for name in answer}


def test_a_wait_for_which_there_is_no_place_is_not_said_to_have_been(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    places: threading.Semaphore = app.extensions["waiting places"]
    taken = list(takewhile(lambda _: places.acquire(blocking=False), count()))
    try:
        reply = api.post(
            f"{api.space}/executions", {"workflowId": workflow["id"]}, headers={"Prefer": "wait=20"}
        )
    finally:
        places.release(len(taken))

    assert taken
    assert (reply.status_code, "Preference-Applied" in reply.headers) == (202, False)


def test_waiting_for_an_execution_that_has_ended_answers_with_it(
    api: Caller, workflow: dict[str, Any]
) -> None:
    body = {"workflowId": workflow["id"], "idempotencyKey": "k"}
    made = api.post(f"{api.space}/executions", body)
    api.post(f"{made.headers['Location']}/cancel")

    reply = api.post(f"{api.space}/executions", body, headers={"Prefer": "wait=5"})

    assert (reply.status_code, reply.get_json()["status"]) == (200, "cancelled")


def test_null_in_a_list_is_refused_in_our_words(api: Caller, workflow: dict[str, Any]) -> None:
    reply = api.post(f"{api.space}/executions", {"workflowId": workflow["id"], "tags": ["a", None]})

    assert reply.status_code == 422
    assert reply.get_json()["errors"] == [{"path": "tags[1]", "message": "Must not be null."}]


def test_an_input_that_does_not_fit_the_input_schema_is_refused(api: Caller) -> None:
    schema = {"type": "object", "required": ["orderId"], "properties": {"orderId": {"type": "integer"}}}
    definition = {"steps": DEFINITION["steps"], "inputSchema": schema}
    made = api.post(f"{api.space}/workflows", {"name": "Strict", "definition": definition}).get_json()

    bad = api.post(f"{api.space}/executions", {"workflowId": made["id"], "input": {"orderId": "7"}})
    good = api.post(f"{api.space}/executions", {"workflowId": made["id"], "input": {"orderId": 7}})

    assert (bad.status_code, bad.get_json()["code"]) == (422, "validation_failed")
    assert bad.get_json()["errors"][0]["path"] == "input.orderId"
    assert good.status_code == 202

"""Live streams of a real web process: what changes is told, at once where Redis is there."""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from flask import Flask

from app.services.sessions import COOKIE
from app.settings import Settings
from app.states import Role
from tests.api.caller import Caller
from tests.api.sql import sql
from tests.journeys import processes
from tests.journeys.processes import eventually
from tests.journeys.traveller import Traveller, value
from tests.web.streaming import Web, serving
from tests.web.visitor import Visitor

pytestmark = pytest.mark.long
PAUSED = {"id": "hold", "type": "waitForSignal"}


@pytest.fixture(scope="module")
def worker(settings: Settings) -> Iterator[processes.Process]:
    with processes.worker(settings) as process:
        yield process


@pytest.fixture(scope="module")
def running(settings: Settings) -> Iterator[Web]:
    # Room for all tests at once: a place is free again only when the web notices that its client has left.
    with serving(settings, STREAM_LIMIT="40") as web:
        yield web


@pytest.fixture
def web(running: Web) -> Iterator[Web]:
    """Give the web process of the module; what listens to it leaves after each test."""
    yield running
    for listener in running.listeners:
        listener.close()
    running.listeners.clear()


@pytest.fixture
def traveller(caller: Caller) -> Traveller:
    return Traveller(caller)


def pending(traveller: Traveller, workflow_id: str) -> str:
    """Start an execution that no worker touches; give its id."""
    return traveller.trigger(workflow_id, runAt="2999-01-01T00:00:00Z")


def test_an_execution_is_told_from_its_trigger_to_its_end(
    web: Web, worker: processes.Process, traveller: Traveller, caller: Caller
) -> None:
    workflow_id = traveller.workflow(value("one", 1), PAUSED)
    listener = web.listen(f"{caller.space}/executions/stream", caller.key)

    execution_id = traveller.trigger(workflow_id)
    waiting = listener.find(lambda e: e.data["reason"] == "waiting" and e.data["stepsDone"] == 1)
    caller.post(f"{caller.space}/executions/{execution_id}/signals/hold", {"payload": 1})

    completed = listener.status(execution_id, "completed")
    listed = caller.get(f"{caller.space}/executions").get_json()["data"]
    assert waiting is not None
    assert completed is not None
    assert completed.data == listed[0]
    assert {event.data["id"] for event in listener.events} == {execution_id}


def test_a_stream_says_what_it_is(web: Web, caller: Caller) -> None:
    path = f"{caller.workspace}/executions/stream"

    with closing(web.ask(path, caller.key)) as answer, closing(web.ask(path, caller.key, "HEAD")) as head:
        for response in (answer.response, head.response):
            assert response.status == 200
            assert response.headers["Content-Type"] == "text/event-stream"
            assert response.headers["Cache-Control"] == "no-cache"
            assert response.headers["X-Accel-Buffering"] == "no"
        assert answer.response.readline() == b"retry: 3000\n"
        assert head.response.read() == b""


def test_the_stream_of_one_execution_tells_how_it_is_and_of_its_steps(
    web: Web, worker: processes.Process, traveller: Traveller, caller: Caller
) -> None:
    workflow_id = traveller.workflow(value("one", 1), PAUSED, value("never", 2, **{"if": "${{ false }}"}))
    execution_id = traveller.trigger(workflow_id)
    traveller.until(execution_id, "hold", "waiting")
    path = f"{caller.workspace}/executions/{execution_id}"

    listener = web.listen(f"{path}/stream", caller.key)
    known = listener.status(execution_id, "running")
    at_first = {
        event.data["stepId"]: event.data["status"] for event in listener.events if event.event == "step"
    }
    caller.post(f"{path}/signals/hold", {"payload": "x" * 70_000})

    assert listener.status(execution_id, "completed") is not None
    detail = caller.get(path).get_json()
    told = {event.data["stepId"]: event.data for event in listener.events if event.event == "step"}
    assert known is not None
    assert at_first == {"one": "completed", "hold": "waiting"}
    assert list(told.values()) == detail["steps"]
    assert told["hold"]["outputTruncated"]
    assert told["never"]["status"] == "skipped"


def test_a_client_that_comes_back_hears_of_what_it_missed(
    web: Web, traveller: Traveller, caller: Caller
) -> None:
    workflow_id = traveller.workflow(value("one", 1))
    path = f"{caller.space}/executions/stream"
    listener = web.listen(path, caller.key)
    seen = pending(traveller, workflow_id)
    told = listener.status(seen, "pending")
    assert told is not None
    assert told.id is not None
    listener.close()

    missed = pending(traveller, workflow_id)
    again = [
        web.listen(path, caller.key, Last_Event_ID=told.id),
        web.listen(f"{path}?lastEventId={told.id}", caller.key),
    ]

    for listener in again:
        assert listener.status(missed, "pending") is not None
        assert {event.data["id"] for event in listener.events} == {missed}  # maybe twice


@pytest.mark.parametrize("place", ["garbage", "-1", "0-0", "1-1", "99999999999999-0", "9" * 30 + "-1"])
def test_a_place_that_is_unknown_or_too_old_is_reset(
    web: Web, traveller: Traveller, caller: Caller, place: str
) -> None:
    workflow_id = traveller.workflow(value("one", 1))

    listener = web.listen(f"{caller.space}/executions/stream", caller.key, Last_Event_ID=place)
    first = listener.find(lambda event: True)
    after = listener.status(pending(traveller, workflow_id), "pending")

    assert first is not None
    assert first.event == "reset"
    assert after is not None


def test_filters_choose_what_is_told(web: Web, traveller: Traveller, caller: Caller) -> None:
    wanted, other = traveller.workflow(value("one", 1)), traveller.workflow(value("one", 1))
    listener = web.listen(f"{caller.space}/executions/stream?workflowId={wanted}&status=pending", caller.key)

    pending(traveller, other)
    execution_id = pending(traveller, wanted)

    assert listener.status(execution_id, "pending") is not None
    assert {event.data["workflowId"] for event in listener.events} == {wanted}


def test_a_stream_tells_nothing_of_another_space_or_workspace(
    web: Web, traveller: Traveller, caller: Caller, stranger: Caller
) -> None:
    second = caller.post(f"{caller.workspace}/spaces", {"name": "Second"}).get_json()["id"]
    in_second = Caller(caller.client, caller.workspace_id, second, caller.key)
    workflow_id = traveller.workflow(value("one", 1))
    listeners = {
        "mine": web.listen(f"{caller.workspace}/executions/stream", caller.key),
        "second": web.listen(f"{in_second.space}/executions/stream", caller.key),
        "theirs": web.listen(f"{stranger.workspace}/executions/stream", stranger.key),
    }

    mine = pending(traveller, workflow_id)
    theirs = pending(Traveller(stranger), Traveller(stranger).workflow(value("one", 1)))
    seconds = pending(Traveller(in_second), Traveller(in_second).workflow(value("one", 1)))

    for name, execution_id in {"mine": mine, "second": seconds, "theirs": theirs}.items():
        assert listeners[name].status(execution_id, "pending") is not None
    assert listeners["mine"].status(seconds, "pending") is not None
    told = {name: {event.data["id"] for event in found.events} for name, found in listeners.items()}
    assert told == {"mine": {mine, seconds}, "second": {seconds}, "theirs": {theirs}}


def test_what_cannot_be_listened_to_is_refused(
    web: Web, traveller: Traveller, caller: Caller, stranger: Caller
) -> None:
    execution_id = pending(traveller, traveller.workflow(value("one", 1)))
    unknown = "01a203fc-6170-7947-82ba-8a19c79c87c6"
    refusals = {
        f"{caller.workspace}/executions/stream": (stranger.key, 404, "not_found"),
        f"{stranger.workspace}/executions/{execution_id}/stream": (stranger.key, 404, "not_found"),
        f"{caller.workspace}/executions/{unknown}/stream": (caller.key, 404, "not_found"),
        f"{caller.workspace}/spaces/{unknown}/executions/stream": (caller.key, 404, "not_found"),
        f"{caller.space}/executions/stream?colour=red": (caller.key, 422, "validation_failed"),
        f"{caller.space}/executions/stream?status=lost": (caller.key, 422, "validation_failed"),
        f"{caller.space}/executions/{execution_id}/stream?status=failed": (
            caller.key,
            422,
            "validation_failed",
        ),
        f"{caller.space}/executions/stream?tag=x": ("nobody", 401, "unauthorized"),
    }

    answers = {path: web.refused(path, key) for path, (key, _, _) in refusals.items()}

    assert {path: (status, said["code"]) for path, (status, said) in answers.items()} == {
        path: (status, code) for path, (_, status, code) in refusals.items()
    }


def test_a_client_that_wants_something_else_is_told_so(web: Web, caller: Caller) -> None:
    status, said = web.refused(f"{caller.space}/executions/stream", caller.key, Accept="application/json")

    assert (status, said["code"]) == (406, "not_acceptable")


def test_a_viewer_listens_until_the_key_is_revoked(web: Web, caller: Caller) -> None:
    viewer = caller.with_role(Role.VIEWER)
    listener = web.listen(f"{caller.space}/executions/stream", viewer.key)
    keys = caller.get(f"{caller.workspace}/api-keys").get_json()["data"]
    [viewers] = [key["id"] for key in keys if key["role"] == "viewer"]

    caller.ask("DELETE", f"{caller.workspace}/api-keys/{viewers}")
    ended = eventually(lambda: listener.ended, 60)

    assert ended
    assert listener.events == []


def test_a_page_listens_until_its_session_is_over(web: Web, member: Visitor, traveller: Traveller) -> None:
    execution_id = pending(traveller, traveller.workflow(value("one", 1)))
    path = f"{member.caller.space}/executions/{execution_id}/stream"
    listener = web.listen(path, None, Cookie=f"{COOKIE}={member.session}")
    told = listener.status(execution_id, "pending")

    member.post("/logout")

    assert told is not None
    assert eventually(lambda: listener.ended, 60)


def test_the_stream_of_a_deleted_space_ends(web: Web, caller: Caller) -> None:
    listener = web.listen(f"{caller.space}/executions/stream", caller.key)

    caller.ask("DELETE", caller.space)

    assert eventually(lambda: listener.ended, 60)


def test_a_change_that_nobody_announced_is_found(
    web: Web, traveller: Traveller, caller: Caller, app: Flask
) -> None:
    before = pending(traveller, traveller.workflow(value("one", 1)))
    listener = web.listen(f"{caller.space}/executions/stream", caller.key)
    started = time.monotonic()

    sql(app, "UPDATE executions SET reason = 'overlap', run_at = NULL WHERE id = :id", id=before)
    told = listener.find(lambda event: event.data["reason"] == "overlap")

    assert told is not None
    assert time.monotonic() - started < 30

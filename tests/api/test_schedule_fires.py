"""What became of a schedule's instants, over HTTP."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.services import api_keys
from app.settings import Settings
from app.states import Role
from tests.api.caller import Caller
from tests.services.clockwork import Clockwork
from tests.store.place import placed


@pytest.fixture
def clockwork(app: Flask, settings: Settings) -> Iterator[Clockwork]:
    """Give schedules of a workflow of one step."""
    with placed(app, settings) as place:
        yield Clockwork(app, place)


@pytest.fixture
def caller(app: Flask, client: FlaskClient, clockwork: Clockwork) -> Caller:
    """Give a viewer of the schedules' space."""
    scope = clockwork.place.scope
    with app.app_context():
        _, key = api_keys.create(scope.workspace_id, "viewer", Role.VIEWER)
    assert scope.space_id is not None
    return Caller(client, scope.workspace_id, scope.space_id, key)


def test_fires_are_listed_with_outcome_and_reason_the_latest_first(
    clockwork: Clockwork, caller: Caller
) -> None:
    made = clockwork.due(60, catch_up="one", overlap="skip")
    clockwork.fire()

    reply = caller.get(f"{caller.space}/schedules/{made}/fires")

    *_, late, missed = reply.json["data"]
    [execution] = clockwork.executions(made)
    assert late == {
        "scheduledFor": late["scheduledFor"],
        "until": None,
        "count": 1,
        "firedAt": late["firedAt"],
        "outcome": "fired",
        "reason": "catch_up",
        "executionId": str(execution.id),
    }
    assert (missed["outcome"], missed["reason"], missed["executionId"]) == ("missed", None, None)
    assert missed["count"] > 1
    assert missed["until"] < late["scheduledFor"]
    assert {(row["outcome"], row["reason"]) for row in reply.json["data"][:-2]} == {("skipped", "overlap")}


def test_fires_are_read_page_by_page(clockwork: Clockwork, caller: Caller) -> None:
    made = clockwork.due(8)
    clockwork.fire()
    path = f"{caller.space}/schedules/{made}/fires?limit=4"

    found, cursor = [], ""
    while cursor is not None:
        reply = caller.get(path + (cursor and f"&cursor={cursor}"))
        found += [row["scheduledFor"] for row in reply.json["data"]]
        cursor = reply.json["nextCursor"]

    assert found == sorted(set(found), reverse=True)
    assert len(found) == len(clockwork.fires(made))


def test_an_execution_names_its_schedule_and_is_found_by_it(clockwork: Clockwork, caller: Caller) -> None:
    made = clockwork.add(input=[1])
    clockwork.once(made)
    clockwork.fire()

    [listed] = caller.get(f"{caller.space}/executions?scheduleId={made}").json["data"]
    detail = caller.get(f"{caller.space}/executions/{listed['id']}").json

    assert (detail["scheduleId"], detail["triggeredBy"], detail["input"]) == (str(made), "schedule", [1])
    assert list(detail["trigger"]) == ["scheduledFor"]

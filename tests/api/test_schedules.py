"""Schedules over HTTP."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.clock import new_id
from app.states import Role
from tests.api.caller import DEFINITION, Caller

WHOLE = {
    "name": "Nightly",
    "cron": "30 2 * * *",
    "timezone": "Europe/Berlin",
    "input": {"n": 9_007_199_254_740_991},
    "enabled": True,
    "overlap": "skip",
    "catchUp": "all",
}


@pytest.fixture
def schedule(api: Caller, workflow: dict[str, Any]) -> dict[str, Any]:
    """Give a saved schedule."""
    reply = api.post(f"{api.space}/schedules", WHOLE | {"workflowId": workflow["id"]})
    found: dict[str, Any] = reply.get_json() | {"path": reply.headers["Location"]}
    return found


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_schedule_is_made_and_read_back(api: Caller, workflow: dict[str, Any]) -> None:
    given = WHOLE | {"workflowId": workflow["id"]}

    made = api.post(f"{api.space}/schedules", given)

    assert made.status_code == 201
    assert {name: made.json[name] for name in given} == given
    assert (made.json["workspaceId"], made.json["spaceId"]) == (str(api.workspace_id), str(api.space_id))
    assert (made.json["lastFiredAt"], made.json["upcoming"][0]) == (None, made.json["nextFireAt"])
    assert len(made.json["upcoming"]) == 5
    assert api.get(made.headers["Location"]).json == made.json


def test_what_is_left_out_has_its_default(api: Caller, workflow: dict[str, Any]) -> None:
    reply = api.post(f"{api.space}/schedules", {"name": "n", "cron": "@daily", "workflowId": workflow["id"]})

    wanted = {"timezone": "UTC", "input": {}, "enabled": True, "overlap": "allow", "catchUp": "one"}
    assert {name: reply.json[name] for name in wanted} == wanted


@pytest.mark.parametrize("value", [None, [], 0, "text", {"a": {"b": [1, 2.5, True]}}])
def test_the_input_may_be_any_json(api: Caller, workflow: dict[str, Any], value: Any) -> None:
    given = {"name": "n", "cron": "@daily", "workflowId": workflow["id"], "input": value}

    made = api.post(f"{api.space}/schedules", given)
    changed = api.ask("PATCH", made.headers["Location"], {"input": [value]})

    assert (made.json["input"], changed.json["input"]) == (value, [value])


def test_a_change_names_only_what_changes(api: Caller, schedule: dict[str, Any]) -> None:
    path = schedule.pop("path")

    renamed = api.ask("PATCH", path, {"name": "Hourly", "overlap": "bufferOne"})

    assert renamed.json == schedule | {"name": "Hourly", "overlap": "bufferOne"}


def test_another_pattern_or_zone_counts_from_now(api: Caller, schedule: dict[str, Any]) -> None:
    path = schedule["path"]

    every_second = api.ask("PATCH", path, {"cron": "* * * * * *"}).json
    yearly = api.ask("PATCH", path, {"cron": "@yearly"}).json
    elsewhere = api.ask("PATCH", path, {"timezone": "Asia/Tokyo"}).json

    assert moment(every_second["nextFireAt"]) < moment(schedule["createdAt"]) + timedelta(seconds=30)
    assert yearly["nextFireAt"] != every_second["nextFireAt"]
    assert [moment(one["nextFireAt"]).hour for one in (yearly, elsewhere)] == [23, 15]


def test_a_disabled_schedule_has_nothing_upcoming_until_it_is_enabled(
    api: Caller, schedule: dict[str, Any]
) -> None:
    off = api.ask("PATCH", schedule["path"], {"enabled": False}).json
    on = api.ask("PATCH", schedule["path"], {"enabled": True}).json

    assert (off["nextFireAt"], off["upcoming"]) == (None, [])
    assert (on["nextFireAt"], on["upcoming"]) == (schedule["nextFireAt"], schedule["upcoming"])


def test_schedules_are_listed_page_by_page_newest_first(api: Caller, workflow: dict[str, Any]) -> None:
    for number in range(3):
        given = {"name": f"{number}", "cron": "@daily", "workflowId": workflow["id"]}
        api.post(f"{api.space}/schedules", given)

    first = api.get(f"{api.space}/schedules?limit=2").json
    second = api.get(f"{api.space}/schedules?limit=2&cursor={first['nextCursor']}").json

    assert [row["name"] for row in first["data"] + second["data"]] == ["2", "1", "0"]
    assert second["nextCursor"] is None


def test_a_deleted_schedule_is_unknown(api: Caller, schedule: dict[str, Any]) -> None:
    gone = api.ask("DELETE", schedule["path"])

    replies = [
        api.get(schedule["path"]),
        api.get(schedule["path"] + "/fires"),
        api.ask("PATCH", schedule["path"], {"name": "back"}),
        api.ask("DELETE", schedule["path"]),
    ]
    assert (gone.status_code, gone.data) == (204, b"")
    assert [(reply.status_code, reply.json["code"]) for reply in replies] == [(404, "not_found")] * 4
    assert api.get(f"{api.space}/schedules").json["data"] == []


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({"cron": "* * * *"}, "cron", "5 fields"),
        ({"cron": "61 * * * *"}, "cron", "minute"),
        ({"cron": "0 0 31 2 *"}, "cron", "Never fires"),
        ({"cron": "@reboot"}, "cron", "@hourly"),
        ({"cron": "1," * 200 + "1 * * * *"}, "cron", "256"),
        ({"cron": 5}, "cron", "text"),
        ({"cron": None}, "cron", "null"),
        ({"timezone": "Mars/Olympus"}, "timezone", "IANA"),
        ({"timezone": "../../etc/passwd"}, "timezone", "IANA"),
        ({"overlap": "queue"}, "overlap", "bufferOne"),
        ({"catchUp": "some"}, "catchUp", "none"),
        ({"enabled": "yes"}, "enabled", ""),
        ({"name": " "}, "name", "200"),
        ({"name": "x" * 201}, "name", "200"),
        ({"workflowId": "7"}, "workflowId", "id"),
        ({"input": "x" * 1_048_575}, "input", "1 MiB"),
        ({"every": "day"}, "every", "no such field"),
    ],
)
def test_a_bad_field_is_refused_with_its_place_and_the_reason(
    api: Caller,
    workflow: dict[str, Any],
    schedule: dict[str, Any],
    changes: dict[str, Any],
    path: str,
    said: str,
) -> None:
    replies = [
        api.post(f"{api.space}/schedules", WHOLE | {"workflowId": workflow["id"]} | changes),
        api.ask("PATCH", schedule["path"], changes),
    ]

    for reply in replies:
        if path == "input":
            assert reply.status_code in (413, 422)
            continue
        assert (reply.status_code, reply.json["code"]) == (422, "validation_failed")
        [fault] = reply.json["errors"]
        assert fault["path"] == path
        assert said in fault["message"]


def test_an_unknown_workflow_is_404(
    api: Caller, stranger: Caller, workflow: dict[str, Any], schedule: dict[str, Any]
) -> None:
    theirs = stranger.post(f"{stranger.space}/workflows", {"name": "n", "definition": workflow["definition"]})
    other_space = api.post(f"{api.workspace}/spaces", {"name": "other"}).json["id"]

    replies = [
        api.post(f"{api.space}/schedules", WHOLE | {"workflowId": str(new_id())}),
        api.post(f"{api.space}/schedules", WHOLE | {"workflowId": theirs.json["id"]}),
        api.ask("PATCH", schedule["path"], {"workflowId": str(new_id())}),
        api.post(f"{api.workspace}/spaces/{other_space}/schedules", WHOLE | {"workflowId": workflow["id"]}),
    ]

    assert [(reply.status_code, reply.json["code"]) for reply in replies] == [(404, "not_found")] * 4


def test_a_stranger_and_another_space_know_nothing_of_it(
    api: Caller, stranger: Caller, schedule: dict[str, Any]
) -> None:
    other_space = api.post(f"{api.workspace}/spaces", {"name": "other"}).json["id"]
    paths = [
        f"{stranger.space}/schedules/{schedule['id']}",
        f"{api.workspace}/spaces/{other_space}/schedules/{schedule['id']}",
    ]

    replies = [
        stranger.get(paths[0]),
        api.get(paths[1]),
        api.ask("DELETE", paths[1]),
        api.get(paths[1] + "/fires"),
    ]

    assert [reply.status_code for reply in replies] == [404] * 4
    assert api.get(schedule["path"]).status_code == 200


@pytest.mark.parametrize(
    ("role", "writes", "reads"),
    [(Role.EDITOR, (201, 200, 204), 200), (Role.OPERATOR, (403,) * 3, 200), (Role.VIEWER, (403,) * 3, 200)],
)
def test_editors_write_and_everybody_reads_and_previews(
    api: Caller,
    workflow: dict[str, Any],
    schedule: dict[str, Any],
    role: Role,
    writes: tuple[int, ...],
    reads: int,
) -> None:
    caller, path = api.with_role(role), schedule["path"]

    looked = [
        caller.get(f"{api.space}/schedules"),
        caller.get(path),
        caller.get(f"{path}/fires"),
        caller.post(f"{api.space}/schedules/preview", {"cron": "@daily"}),
    ]
    changed = [
        caller.post(f"{api.space}/schedules", WHOLE | {"workflowId": workflow["id"]}),
        caller.ask("PATCH", path, {"name": "n"}),
        caller.ask("DELETE", path),
    ]

    assert {reply.status_code for reply in looked} == {reads}
    assert tuple(reply.status_code for reply in changed) == writes


PICKY = {"inputSchema": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}}


@pytest.fixture
def picky(api: Caller) -> str:
    """Give a workflow that wants a number."""
    body = {"name": "Picky", "definition": DEFINITION | PICKY}
    return str(api.post(f"{api.space}/workflows", body).json["id"])


def paths(reply: Any) -> list[str]:
    assert (reply.status_code, reply.json["code"]) == (422, "validation_failed")
    return [fault["path"] for fault in reply.json["errors"]]


def test_an_input_that_the_workflow_would_refuse_is_refused_on_saving(
    api: Caller, schedule: dict[str, Any], picky: str
) -> None:
    given = WHOLE | {"workflowId": picky}
    made = api.post(f"{api.space}/schedules", given | {"input": {"n": 1}})

    refused = [
        api.post(f"{api.space}/schedules", given | {"input": {"n": "x"}}),
        api.ask("PATCH", made.headers["Location"], {"input": {"n": "x"}}),
        api.ask("PATCH", schedule["path"], {"workflowId": picky, "input": {}}),
    ]

    assert made.status_code == 201
    assert [paths(reply) for reply in refused] == [["input.n"], ["input.n"], ["input"]]
    assert api.ask("PATCH", schedule["path"], {"workflowId": picky}).status_code == 200


def test_an_input_that_the_workflow_began_to_refuse_stays_until_it_is_changed(
    api: Caller, workflow: dict[str, Any]
) -> None:
    given = WHOLE | {"workflowId": workflow["id"], "input": {"n": "x"}}
    path = api.post(f"{api.space}/schedules", given).headers["Location"]
    api.ask("PATCH", f"{api.space}/workflows/{workflow['id']}", {"definition": DEFINITION | PICKY})

    renamed = api.ask("PATCH", path, {"name": "Other", "input": {"n": "x"}, "workflowId": workflow["id"]})

    assert (renamed.status_code, renamed.json["name"]) == (200, "Other")
    assert paths(api.ask("PATCH", path, {"input": {"n": "y"}})) == ["input.n"]

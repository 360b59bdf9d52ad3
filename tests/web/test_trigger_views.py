"""Pages of workflows, schedules and webhooks as the server renders them: what they show, and to whom."""

from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from app.states import Role
from tests.api.caller import DEFINITION
from tests.web import trigger_scenes
from tests.web.trigger_scenes import made
from tests.web.visitor import Visitor

HOSTILE = "</textarea></script>\"'><img src=x onerror=alert(1)>"
NOUNS = ("workflows", "schedules", "webhooks")


@pytest.fixture
def workflow(member: Visitor) -> dict[str, Any]:
    """Save a workflow."""
    return dict(made(member.caller, "workflows", name="Send invoices", definition=DEFINITION))


def page(member: Visitor, path: str) -> str:
    """Read a page of the space."""
    reply = member.get(f"{member.space}/{path}")
    assert reply.status_code == 200, reply.text
    return str(reply.text)


def as_role(member: Visitor, role: Role) -> None:
    """Log in again with another key of the space."""
    assert member.log_in(member.caller.with_role(role).key).status_code == 303


@pytest.mark.parametrize("noun", NOUNS)
def test_an_empty_list_says_how_to_begin(member: Visitor, noun: str) -> None:
    assert f'href="{member.space}/{noun}/new"' in page(member, noun)

    as_role(member, Role.OPERATOR)

    assert f"{noun}/new" not in page(member, noun)
    assert "ask an editor" in page(member, noun)


@pytest.mark.parametrize("noun", NOUNS)
def test_what_is_not_there_is_a_page_that_says_so(member: Visitor, noun: str) -> None:
    reply = member.get(f"{member.space}/{noun}/{uuid4()}")

    assert (reply.status_code, reply.mimetype) == (404, "text/html")


@pytest.mark.parametrize("noun", NOUNS)
def test_only_an_editor_may_open_the_form_for_a_new_one(member: Visitor, noun: str) -> None:
    assert member.get(f"{member.space}/{noun}/new").status_code == 200

    as_role(member, Role.OPERATOR)

    assert member.get(f"{member.space}/{noun}/new").status_code == 403


def test_lists_go_on_where_a_page_ends(member: Visitor, workflow: dict[str, Any], app: Flask) -> None:
    for number in range(51):
        made(member.caller, "schedules", name=f"s{number:02}", workflowId=workflow["id"], cron="0 0 1 1 *")

    first = page(member, "schedules")
    following = unescape(first.split('href="?cursor=')[1].split('"')[0])

    assert "s50" in first
    assert "s00" not in first
    assert "s00" in page(member, f"schedules?cursor={following}")


def test_the_list_of_workflows_shows_what_ran_last(member: Visitor, workflow: dict[str, Any]) -> None:
    assert "never ran" in page(member, "workflows")
    body = {"workflowId": workflow["id"]}
    member.caller.post(f"{member.caller.space}/executions", body)
    last = member.caller.post(f"{member.caller.space}/executions", body).json["id"]

    shown = page(member, "workflows")

    assert f'href="{member.space}/executions/{last}"' in shown
    assert shown.count("badge-pending") == 1


def test_the_editor_holds_the_definition_and_an_earlier_version_if_asked(
    member: Visitor, workflow: dict[str, Any]
) -> None:
    address = f"workflows/{workflow['id']}"
    changed = DEFINITION | {"output": "second text"}
    member.caller.ask("PATCH", f"{member.caller.space}/{address}", {"definition": changed})

    assert "second text" in page(member, address)
    assert "second text" not in page(member, f"{address}?version=1")
    assert "This is the text of version 1" in page(member, f"{address}?version=1")
    for wrong in ("0", "3", "x", "9" * 30, "-1", "²"):
        assert member.get(f"{member.space}/{address}?version={wrong}").status_code == 404


def test_versions_are_compared_line_by_line(member: Visitor, workflow: dict[str, Any]) -> None:
    address = f"workflows/{workflow['id']}"
    assert "There is one version so far" in page(member, f"{address}/versions")
    member.caller.ask("PATCH", f"{member.caller.space}/{address}", {"definition": DEFINITION | {"output": 7}})

    shown = page(member, f"{address}/versions")

    assert "From version 1 to 2" in shown
    assert '<tr class="diff-added"><td></td><td>' in shown
    assert "&#34;output&#34;: 7" in shown
    assert "do not differ" in page(member, f"{address}/versions?old=2&new=2")


def test_who_may_less_sees_less(member: Visitor, app: Flask) -> None:
    places = trigger_scenes.furnish(app, member.caller)
    may = {role: shown_actions(member, places, role) for role in (Role.VIEWER, Role.OPERATOR, Role.EDITOR)}

    assert may[Role.VIEWER] == set()
    assert may[Role.OPERATOR] == {'id="run"', "data-redeliver"}
    assert may[Role.EDITOR] == {
        'id="run"',
        "data-redeliver",
        'id="save"',
        "data-delete",
        "data-toggle",
        "Save</button>",
    }


def shown_actions(member: Visitor, places: dict[str, str], role: Role) -> set[str]:
    """Give those marks of actions that the pages show to a role."""
    as_role(member, role)
    text = "".join(page(member, path) for path in places.values())
    marks = ('id="run"', "data-redeliver", 'id="save"', "data-delete", "data-toggle", "Save</button>")
    return {mark for mark in marks if mark in text}


def test_a_schedule_shows_what_became_of_its_instants(member: Visitor, app: Flask) -> None:
    places = trigger_scenes.furnish(app, member.caller)

    shown = page(member, places["schedule"])

    assert [shown.count(f'data-outcome="{outcome}"') for outcome in ("fired", "skipped", "missed")] == [
        3,
        1,
        1,
    ]
    assert "The previous execution still went on." in shown
    assert "Missed \N{MULTIPLICATION SIGN} 14" in shown


def test_a_webhook_shows_its_deliveries_without_their_bodies(member: Visitor, app: Flask) -> None:
    places = trigger_scenes.furnish(app, member.caller)

    shown = page(member, places["webhook"])

    assert shown.count("data-delivery-id") == 3
    assert shown.count("data-redeliver") == 2
    assert "Leave it at the door" not in shown


def test_names_and_texts_of_users_are_never_markup(member: Visitor) -> None:
    caller = member.caller
    definition = {"steps": [{"id": "a", "type": "transform", "name": HOSTILE, "with": {"value": HOSTILE}}]}
    workflow = made(caller, "workflows", name=HOSTILE, definition=definition)["id"]
    schedule = made(caller, "schedules", name=HOSTILE, workflowId=workflow, cron="@daily", input=HOSTILE)[
        "id"
    ]
    how = {"scheme": "hmac", "header": "X-'`$", "prefix": HOSTILE}
    webhook = made(caller, "webhooks", name=HOSTILE, workflowId=workflow, verification=how)["id"]
    ids = {"workflows": workflow, "schedules": schedule, "webhooks": webhook}

    for path in [*NOUNS, *(f"{noun}/{id}" for noun, id in ids.items()), "schedules/new", "webhooks/new"]:
        assert "<img" not in page(member, path)
        assert "</textarea></script>" not in page(member, path)

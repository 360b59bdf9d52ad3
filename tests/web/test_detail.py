"""The page of one execution as the server writes it: its head, its steps, and who may see and do what."""

import json
import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.extensions import db
from app.states import Role
from tests.api.caller import DEFINITION, Caller
from tests.web.visitor import Visitor

Json = Any
HOSTILE = "</script><img src=x onerror=\"document.title='hurt'\">"
STEPS: dict[str, Json] = {
    "steps": [
        {"id": "first", "type": "transform", "with": {"value": 1}},
        {"id": "second", "type": "transform", "name": HOSTILE, "with": {"value": 2}},
        {"id": "third", "type": "transform", "with": {"value": 3}},
    ]
}
FAIL = """
UPDATE executions SET status = 'failed', reason = 'step_failed', error = :error, started_at = created_at,
  completed_at = created_at WHERE id = :id
"""
FAIL_STEP = """
INSERT INTO execution_steps (execution_id, workspace_id, step_id, position, type, status, attempt, output,
  error, started_at, completed_at)
SELECT id, workspace_id, 'second', 1, 'transform', 'failed', 1, CAST(:output AS jsonb), :error, created_at,
  created_at FROM executions WHERE id = :id
"""


def save(caller: Caller, definition: Json = None, name: str = "Send invoices") -> str:
    """Save a workflow; gives its id."""
    body = {"name": name, "definition": definition or STEPS}
    return str(caller.post(f"{caller.space}/workflows", body).get_json()["id"])


def trigger(caller: Caller, workflow_id: str, **more: Json) -> str:
    """Start an execution that no worker takes; gives its id."""
    reply = caller.post(f"{caller.space}/executions", {"workflowId": workflow_id, **more})
    assert reply.status_code == 202, reply.text
    return str(reply.get_json()["id"])


def fail(app: Flask, execution_id: str, error: str = "It broke", output: Json = None) -> None:
    """Let an execution have failed in its second step."""
    given = {"id": execution_id, "error": error, "output": json.dumps(output)}
    with app.app_context(), db.engine.begin() as tx:
        tx.execute(text(FAIL_STEP), given)
        tx.execute(text(FAIL), given)


def steps(page: str) -> list[tuple[str, str]]:
    """Give the steps that a page shows, with their statuses."""
    return re.findall(r'data-step-id="(\w+)" data-status="(\w+)"', page)


def facts(page: str) -> Json:
    """Give what the page tells its script."""
    found = re.search(r'id="detail">(.*?)</script>', page)
    assert found
    return json.loads(found[1])


@pytest.fixture
def workflow(caller: Caller) -> str:
    """Save a workflow of three steps; gives its id."""
    return save(caller)


def test_steps_are_there_before_any_script(member: Visitor, caller: Caller, workflow: str) -> None:
    made = trigger(caller, workflow, tags=["eu"])

    page = member.get(f"{member.space}/executions/{made}").text

    assert steps(page) == [("first", "pending"), ("second", "pending"), ("third", "pending")]
    assert "Send invoices" in page
    assert f'href="{member.space}/executions?tag=eu"' in page
    assert "0 of 3" in page


def test_the_failed_step_stands_first(app: Flask, member: Visitor, caller: Caller, workflow: str) -> None:
    made = trigger(caller, workflow)
    fail(app, made, "The card was refused", {"declined": True})

    page = member.get(f"{member.space}/executions/{made}").text

    assert steps(page) == [("first", "skipped"), ("second", "failed"), ("third", "skipped")]
    assert page.index("The card was refused") < page.index('class="panes"')
    assert 'data-choose="second"' in page
    assert '<h2 class="clip step-id">second</h2>' in page
    assert "&#34;declined&#34;: true" in page


@pytest.mark.parametrize(
    ("asked", "shown"), [("first", "first"), ("", "Execution"), ("nowhere", "Execution")]
)
def test_a_step_is_chosen_by_the_address(
    app: Flask, member: Visitor, caller: Caller, workflow: str, asked: str, shown: str
) -> None:
    made = trigger(caller, workflow)
    fail(app, made)

    page = member.get(f"{member.space}/executions/{made}?step={asked}").text

    assert re.search(rf'<h2 class="clip[^"]*">{shown}</h2>', page)


def test_unknown_and_foreign_executions_are_pages_that_say_so(
    member: Visitor, stranger: Caller, caller: Caller
) -> None:
    foreign = trigger(stranger, save(stranger))

    for address in (foreign, "01a203fc-6170-7947-82ba-8a19c79c87c6"):
        reply = member.get(f"{member.space}/executions/{address}")
        assert (reply.status_code, reply.mimetype) == (404, "text/html")
        assert "There is no execution" in reply.text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_operators_are_offered_what_changes_something(
    app: Flask, visitor: Visitor, caller: Caller, workflow: str, role: Role
) -> None:
    visitor.log_in(caller.with_role(role).key)
    made = trigger(caller, workflow)
    fail(app, made)

    page = visitor.get(f"{visitor.space}/executions/{made}").text

    assert len(steps(page)) == 3
    assert bool(re.search(r"data-act=", page)) == (role is Role.OPERATOR)


def test_text_of_users_stays_text(app: Flask, member: Visitor, caller: Caller) -> None:
    made = trigger(caller, save(caller, name=HOSTILE), input={HOSTILE: HOSTILE}, tags=[HOSTILE[:60]])
    fail(app, made, HOSTILE, {HOSTILE: HOSTILE})

    for query in ("", "?step=", f"?step={HOSTILE}"):
        page = member.get(f"{member.space}/executions/{made}{query}").text
        assert "<img" not in page
        assert not re.search(r"\sstyle=|\son\w+=", page.replace("onerror=", ""))
        assert facts(page)["execution"]["steps"][1]["error"] == HOSTILE


def test_long_values_are_left_for_who_looks_at_them(
    app: Flask, member: Visitor, caller: Caller, workflow: str
) -> None:
    made = trigger(caller, workflow, input={"text": "x" * 50_000})
    fail(app, made, output="y" * 9_000)

    reply = member.get(f"{member.space}/executions/{made}")

    told = facts(reply.text)["execution"]
    assert (told["later"], told["input"]) == (["input"], None)
    assert (told["steps"][1]["later"], told["steps"][1]["output"]) == (["output"], None)
    assert len(reply.data) < 60_000


def test_what_an_execution_repeats_and_its_retries_are_linked(
    app: Flask, member: Visitor, caller: Caller, workflow: str
) -> None:
    made = trigger(caller, workflow)
    fail(app, made)
    retry = caller.post(f"{caller.space}/executions/{made}/retry").get_json()["id"]

    original, repeated = (member.get(f"{member.space}/executions/{key}").text for key in (made, retry))

    assert f'href="{member.space}/executions/{retry}"' in original
    assert f'href="{member.space}/executions/{made}"' in repeated
    assert ('id="tab-difference"' in original, 'id="tab-difference"' in repeated) == (False, True)


def test_a_newer_version_is_offered_for_a_retry(
    app: Flask, member: Visitor, caller: Caller, workflow: str
) -> None:
    made = trigger(caller, workflow)
    fail(app, made)
    caller.ask("PATCH", f"{caller.space}/workflows/{workflow}", {"definition": DEFINITION})

    page = member.get(f"{member.space}/executions/{made}").text

    assert "With the latest version (v2)" in page
    assert [step["id"] for step in facts(page)["definition"]["steps"]] == ["first", "second", "third"]


def test_a_schedule_and_a_webhook_are_named(
    app: Flask, member: Visitor, caller: Caller, workflow: str
) -> None:
    body = {"name": "Every night", "workflowId": workflow, "cron": "0 3 * * *", "timezone": "UTC"}
    schedule = caller.post(f"{caller.space}/schedules", body).get_json()["id"]
    hook = caller.post(f"{caller.space}/webhooks", {"name": "From the shop", "workflowId": workflow})
    called = caller.client.post(f"/webhooks/{hook.get_json()['id']}", json={})
    by_schedule, by_webhook = trigger(caller, workflow), called.get_json()["executionId"]
    with app.app_context(), db.engine.begin() as tx:
        change = "UPDATE executions SET schedule_id = :schedule, triggered_by = 'schedule' WHERE id = :id"
        tx.execute(text(change), {"schedule": schedule, "id": by_schedule})

    pages = [member.get(f"{member.space}/executions/{key}").text for key in (by_schedule, by_webhook)]

    assert f'href="{member.space}/schedules/{schedule}"' in pages[0]
    assert "Every night" in pages[0]
    assert f'href="{member.space}/webhooks/{hook.get_json()["id"]}"' in pages[1]
    assert "From the shop" in pages[1]


def test_a_deleted_workflow_s_execution_can_be_read_and_not_repeated(
    member: Visitor, caller: Caller, workflow: str
) -> None:
    made = trigger(caller, workflow)
    caller.ask("DELETE", f"{caller.space}/workflows/{workflow}")

    page = member.get(f"{member.space}/executions/{made}").text

    assert "Its workflow or space was deleted." in page
    assert "The workflow was deleted: there is nothing to repeat." in page
    assert facts(page)["definition"] is None


def test_what_is_delayed_is_not_queued_before_its_time(
    member: Visitor, caller: Caller, workflow: str
) -> None:
    ids = [trigger(caller, workflow, **more) for more in ({"runAt": "2099-01-01T00:00:00Z"}, {})]

    pages = [member.get(f"{member.space}/executions/{made}").text for made in ids]

    queued = [re.search(r'data-fact="queued">(.*?)</dd>', page) for page in pages]
    assert ["data-since" in found[1] for found in queued if found] == [False, True]

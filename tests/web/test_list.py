"""The list of executions as the server renders it: rows, filters, pages, empty states, roles."""

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import text

from app.clock import now, rfc3339
from app.extensions import db
from app.services import execution_lists, queues
from app.services.scope import Scope
from app.states import Role
from app.store.execution_filters import Filters
from app.web.list_rows import parts
from tests.api.caller import DEFINITION, Caller
from tests.web.visitor import Visitor

HOSTILE = "<img src=x onerror=alert(1)>\"'</script>"
ROWS_OF = re.compile(r'<tr tabindex="-1" data-execution-id="([^"]+)" data-status="([^"]+)"')
END = """
UPDATE executions SET status = CAST(:status AS execution_status), reason = :reason, error = :error,
  started_at = created_at, completed_at = created_at, steps_done = 1 WHERE id = :id
"""


@pytest.fixture
def workflow(caller: Caller) -> str:
    """Save a workflow; gives its id."""
    return save(caller, "Send invoices")


def save(caller: Caller, name: str) -> str:
    reply = caller.post(f"{caller.space}/workflows", {"name": name, "definition": DEFINITION})
    assert reply.status_code == 201, reply.text
    return str(reply.json["id"])


def trigger(caller: Caller, workflow_id: str, count: int = 1, **more: Any) -> list[str]:
    """Start executions; gives their ids, oldest first."""
    members = [{"workflowId": workflow_id, **more}] * count
    reply = caller.post(f"{caller.space}/executions/batch", {"executions": members})
    assert reply.status_code == 202, reply.text
    return sorted(made["id"] for made in reply.json["data"])


def end(app: Flask, ids: Sequence[str], status: str, error: str | None = None) -> None:
    """Let executions have ended."""
    reason = {"failed": "step_failed", "cancelled": "requested"}.get(status)
    with app.app_context(), db.engine.begin() as tx:
        given = [{"id": key, "status": status, "reason": reason, "error": error} for key in ids]
        tx.execute(text(END), given)


def shown(page: str) -> dict[str, str]:
    """Give the rows of a page as id and status, in their order."""
    return dict(ROWS_OF.findall(page))


def link(page: str, words: str) -> str:
    """Find the address of a link by its text."""
    found = re.search(rf'<a [^>]*href="([^"]+)"[^>]*>(?:<[^a][^>]*>)*{re.escape(words)}', page)
    assert found, words
    return unescape(found[1])


def test_rows_are_newest_first_with_their_status_and_links(
    app: Flask, member: Visitor, caller: Caller, workflow: str
) -> None:
    ids = trigger(caller, workflow, 2, tags=["nightly"])
    end(app, ids[:1], "failed", "HTTP 500 from example.com\nmore")

    page = member.get(f"{member.space}/executions").text

    assert list(shown(page).items()) == [(ids[1], "pending"), (ids[0], "failed")]
    assert f'href="{member.space}/executions/{ids[1]}"' in page
    assert f'href="{member.space}/workflows/{workflow}"' in page
    assert "HTTP 500 from example.com</span>" in page
    assert 'title="A step failed."' in page
    assert f'href="{member.space}/executions?tag=nightly"' in page
    assert ">2 executions, each bar 1 second<" in page


def test_filters_in_the_address_choose_the_rows_and_stand_as_chips(
    app: Flask, member: Visitor, caller: Caller, workflow: str
) -> None:
    other = save(caller, "Other")
    pending, failed, completed = (trigger(caller, workflow)[0] for _ in range(3))
    end(app, [failed], "failed", "no such host")
    end(app, [completed], "completed")
    [elsewhere] = trigger(caller, other, tags=["rare tag"])
    place = f"{member.space}/executions"

    wanted = {
        "status=pending&status=failed": {pending, failed, elsewhere},
        "status=pending,completed": {pending, completed, elsewhere},
        f"workflowId={workflow}": {pending, failed, completed},
        "triggeredBy=api": {pending, failed, completed, elsewhere},
        "triggeredBy=manual": set(),
        "tag=rare+tag": {elsewhere},
        f"q={failed}": {failed},
        "q=such+host": {failed},
        "within=1h": {pending, failed, completed, elsewhere},
        f"createdBefore={quote(rfc3339(now() - timedelta(hours=1)) or '')}": set(),
        "status=&q=&colour=red": {pending, failed, completed, elsewhere},
    }
    for query, ids in wanted.items():
        page = member.get(f"{place}?{query}").text
        assert set(shown(page)) == ids, query
        assert ("Clear filters" in page) == ("colour" not in query)

    page = member.get(f"{place}?status=failed&status=pending&tag=x").text
    assert link(page, "Clear filters") == place
    chips = re.findall(r'<li class="chip">.*?href="([^"]+)"', page)
    assert [unescape(chip) for chip in chips] == [
        f"{place}?status=failed&tag=x",
        f"{place}?status=pending&tag=x",
        f"{place}?status=pending&status=failed",
    ]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("status=green", "status: Must be one of"),
        ("workflowId=x", "workflowId: "),
        ("q=zz", "q: Must be the beginning of an id"),
        ("createdAfter=yesterday", "createdAfter: Must be a time"),
    ],
)
def test_a_wrong_filter_is_said_in_the_page(member: Visitor, query: str, said: str) -> None:
    reply = member.get(f"{member.space}/executions?{query}")

    assert (reply.status_code, reply.mimetype) == (422, "text/html")
    assert said in reply.text
    assert "Clear filters" in reply.text


def test_pages_lead_to_older_and_back_to_newer_ones(member: Visitor, caller: Caller, workflow: str) -> None:
    ids = trigger(caller, workflow, 130)[::-1]
    first = member.get(f"{member.space}/executions?within=24h").text
    second = member.get(link(first, "Older")).text
    third = member.get(link(second, "Older")).text

    assert [list(shown(page)) for page in (first, second, third)] == [ids[:50], ids[50:100], ids[100:]]
    assert "Last 24 hours" in third

    newer = member.get(link(third, "Newer"), follow_redirects=True).text
    newest = member.get(link(newer, "Newer"), follow_redirects=True).text

    assert list(shown(newer)) == ids[50:100]
    assert list(shown(newest)) == ids[:50]
    assert "Newest" not in newest


def test_a_cursor_of_other_filters_leads_to_the_first_page(member: Visitor) -> None:
    reply = member.get(f"{member.space}/executions?tag=a&cursor=x")

    assert (reply.status_code, reply.location) == (303, f"{member.space}/executions?tag=a")


def test_a_space_where_nothing_ran_offers_the_first_run(member: Visitor, workflow: str) -> None:
    page = member.get(f"{member.space}/executions").text

    assert f'data-run="{workflow}"' in page
    assert "Run Send invoices" in page
    assert "curl -X POST" in page
    assert f"{member.caller.space}/executions" in page


def test_a_space_without_workflows_leads_to_them(member: Visitor) -> None:
    page = member.get(f"{member.space}/executions").text

    assert "Nothing to run yet" in page
    assert link(page, "To the workflows") == f"{member.space}/workflows"


def test_a_worker_is_missed_only_while_something_waits_for_one(
    app: Flask, member: Visitor, caller: Caller, workflow: str
) -> None:
    [made] = trigger(caller, workflow)

    waiting = member.get(f"{member.space}/executions").text
    renewed = member.get(f"{member.space}/executions/overview?waiting=queued").text
    end(app, [made], "completed")
    over = member.get(f"{member.space}/executions").text

    assert "No worker is online" in waiting
    assert "No worker is online" in renewed
    assert "<html" not in renewed
    assert "No worker is online" not in over


def test_a_paused_queue_is_said(app: Flask, member: Visitor, caller: Caller, workflow: str) -> None:
    trigger(caller, workflow)
    with app.app_context():
        queues.pause()

    page = member.get(f"{member.space}/executions").text

    assert "The queue is paused" in page


def test_a_row_whose_workflow_was_deleted_offers_no_retry(
    app: Flask, member: Visitor, caller: Caller, workflow: str
) -> None:
    [made] = trigger(caller, workflow)
    end(app, [made], "completed")
    before = member.get(f"{member.space}/executions").text

    caller.ask("DELETE", f"{caller.space}/workflows/{workflow}")

    after = member.get(f"{member.space}/executions").text
    found = [re.search(r'data-act="retry"( disabled)?', page) for page in (before, after)]
    assert [button and button[1] for button in found] == [None, " disabled"]


def test_viewers_see_no_actions(visitor: Visitor, caller: Caller, workflow: str) -> None:
    visitor.log_in(caller.with_role(Role.VIEWER).key)
    empty = visitor.get(f"{visitor.space}/executions").text
    trigger(caller, workflow)
    filled = visitor.get(f"{visitor.space}/executions").text

    for page in (empty, filled):
        assert not re.search(r"data-(act|bulk|pick|run)\b", page)
    assert "curl -X POST" in empty
    assert len(shown(filled)) == 1


def test_names_errors_and_tags_of_users_stay_text(app: Flask, member: Visitor, caller: Caller) -> None:
    ids = trigger(caller, save(caller, HOSTILE), tags=[HOSTILE])
    end(app, ids, "failed", HOSTILE)

    for query in ("", f"?tag={quote(HOSTILE)}", f"?q={quote(HOSTILE)}", f"?status={quote(HOSTILE)}"):
        page = member.get(f"{member.space}/executions{query}").text
        assert "<img" not in page
        facts = re.search(r'id="list-facts">(.*?)</script>', page)
        assert facts
        assert isinstance(json.loads(facts[1]), dict)


def test_other_workspaces_stay_unseen(
    member: Visitor, stranger: Caller, workflow: str, caller: Caller
) -> None:
    [foreign] = trigger(stranger, save(stranger, "Secret plans"))
    [own] = trigger(caller, workflow)

    for query in ("", f"?q={foreign}", f"?workflowId={foreign}", f"?after={foreign}"):
        page = member.get(f"{member.space}/executions{query}", follow_redirects=True).text
        assert set(shown(page)) <= {own}
        assert "Secret plans" not in page


def test_outcomes_are_counted_in_spans_that_suit_their_time(
    app: Flask, caller: Caller, workflow: str
) -> None:
    ids = trigger(caller, workflow, 4)
    end(app, ids[2:], "failed", "no")
    move = "UPDATE executions SET created_at = created_at - interval '2 hours' WHERE id = :id"
    with app.app_context():
        with db.engine.begin() as tx:
            tx.execute(text(move), [{"id": ids[0]}])
        scope = Scope(caller.workspace_id, Role.VIEWER, caller.space_id)
        found = execution_lists.outcomes(scope, Filters(tag=None))
        none = execution_lists.outcomes(scope, Filters(tag="none"))

    assert found.length == timedelta(minutes=5)
    assert [sum(counts.values()) for _, counts in sorted(found.spans.items())] == [1, 3]
    assert found.totals == {"pending": 2, "failed": 2}
    assert none.spans == {}


@pytest.mark.parametrize(
    ("status", "ended", "wanted"),
    [
        ("completed", (2, 0), [("completed", 0, 100)]),
        ("completed", (1, 1), [("completed", 0, 75), ("failed", 75, 25)]),
        ("failed", (2, 1), [("completed", 0, 50), ("failed", 50, 25)]),
        ("cancelled", (1, 0), [("completed", 0, 25)]),
    ],
)
def test_the_bar_of_what_completed_is_full_whatever_was_skipped(
    status: str, ended: tuple[int, int], wanted: list[tuple[str, float, float]]
) -> None:
    found = parts({"status": status, "stepsTotal": 4, "stepsDone": 4}, ended)

    assert [(part.kind, part.x, part.width) for part in found] == wanted

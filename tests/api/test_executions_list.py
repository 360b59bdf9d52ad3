"""Lists of executions: filters, pages, and what they leave out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.clock import now, rfc3339
from tests.api.conftest import DEFINITION, Caller
from tests.api.execution_rows import add_execution

NO_SUCH_ID = "01a203fc-6170-7947-82ba-8a19c79c87c6"
LEFT_OUT = {"input", "output", "trigger"}


def ids(api: Caller, query: dict[str, Any] | None = None, place: str | None = None) -> list[str]:
    """List ids, page by page."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        reply = api.get(f"{place or api.space}/executions", query_string={**(query or {}), **cursor})
        page = reply.get_json()
        found += [execution["id"] for execution in page["data"]]
        if page["nextCursor"] is None:
            return found
        cursor = {"cursor": page["nextCursor"]}


def second_space(api: Caller) -> tuple[str, dict[str, Any]]:
    """Make another space with a workflow; give its path and the workflow."""
    space = api.post(f"{api.workspace}/spaces", {"name": "Other"}).get_json()
    path = f"{api.workspace}/spaces/{space['id']}"
    saved = api.post(f"{path}/workflows", {"name": "Other", "definition": DEFINITION}).get_json()
    return path, saved


def test_a_list_is_newest_first_and_leaves_out_what_is_large(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    made = [add_execution(app, workflow, input={"large": "x" * 1000}) for _ in range(3)]

    page = api.get(f"{api.space}/executions").get_json()

    assert ([execution["id"] for execution in page["data"]], page["nextCursor"]) == (made[::-1], None)
    detail = api.get(f"{api.space}/executions/{made[0]}").get_json()
    assert set(detail) - set(page["data"][0]) == LEFT_OUT | {"steps", "retries", "children"}


def test_pages_hold_while_executions_are_added(app: Flask, api: Caller, workflow: dict[str, Any]) -> None:
    made = [add_execution(app, workflow) for _ in range(7)]
    first = api.get(f"{api.space}/executions?limit=3").get_json()
    add_execution(app, workflow)

    second = api.get(f"{api.space}/executions?limit=3&cursor={first['nextCursor']}").get_json()
    third = api.get(f"{api.space}/executions?limit=3&cursor={second['nextCursor']}").get_json()

    listed = [execution["id"] for page in (first, second, third) for execution in page["data"]]
    assert (listed, third["nextCursor"]) == (made[::-1], None)


def test_filtered_pages_hold_too(app: Flask, api: Caller, workflow: dict[str, Any]) -> None:
    made = [add_execution(app, workflow, tags=["a"] if number % 3 == 0 else []) for number in range(30)]

    assert ids(api, {"tag": "a", "limit": 4}) == made[27::-3]


@pytest.mark.parametrize(
    ("statuses", "wanted"),
    [
        (["failed"], ["failed"]),
        (["failed,running"], ["running", "failed"]),
        (["failed", "completed"], ["failed", "completed"]),
        (["pending", "running", "cancelled"], ["cancelled", "running", "pending"]),
        (
            ["completed,failed", "cancelled,pending,running"],
            ["cancelled", "failed", "completed", "running", "pending"],
        ),
    ],
)
def test_status_may_be_repeated_or_a_comma_list(
    app: Flask, api: Caller, workflow: dict[str, Any], statuses: list[str], wanted: list[str]
) -> None:
    order = ["pending", "running", "completed", "failed", "cancelled"]
    made = {status: add_execution(app, workflow, status) for status in order}

    expected = [made[status] for status in reversed(order) if status in wanted]
    assert ids(api, {"status": statuses}) == expected
    assert ids(api, {"status": statuses, "limit": 1}, api.workspace) == expected


def test_each_filter_finds_its_own(app: Flask, api: Caller, workflow: dict[str, Any]) -> None:
    other_path, other = second_space(api)
    early = datetime(2026, 1, 1, tzinfo=UTC)
    first = add_execution(app, workflow, "failed", tags=["vip", "eu"], triggered_by="manual")
    second = add_execution(app, workflow, retry_of=first, created_at=early)
    third = add_execution(app, other, triggered_by="webhook")

    found = {
        name: ids(api, query, api.workspace)
        for name, query in {
            "none": {},
            "workflow": {"workflowId": workflow["id"]},
            "unknown workflow": {"workflowId": NO_SUCH_ID},
            "source": {"triggeredBy": "manual"},
            "tag": {"tag": "vip"},
            "no such tag": {"tag": "vi"},
            "retry": {"retryOf": first},
            "retry and status": {"retryOf": first, "status": "failed"},
            "schedule": {"scheduleId": NO_SUCH_ID},
            "webhook": {"webhookId": NO_SUCH_ID},
        }.items()
    }

    assert found == {
        "none": [third, second, first],
        "workflow": [second, first],
        "unknown workflow": [],
        "source": [first],
        "tag": [first],
        "no such tag": [],
        "retry": [second],
        "retry and status": [],
        "schedule": [],
        "webhook": [],
    }
    assert ids(api) == [second, first]
    assert ids(api, place=other_path) == [third]
    assert ids(api, {"workflowId": workflow["id"]}, other_path) == []


def test_times_are_exact_from_the_first_moment_to_before_the_last(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    start = now()
    times = [start + timedelta(milliseconds=step) for step in range(4)]
    made = [add_execution(app, workflow, created_at=at) for at in times]

    assert ids(api, {"createdAfter": rfc3339(times[1])}) == made[:0:-1]
    assert ids(api, {"createdBefore": rfc3339(times[1])}) == made[:1]
    assert ids(api, {"createdAfter": rfc3339(times[1]), "createdBefore": rfc3339(times[3])}) == made[2:0:-1]


def test_q_finds_an_id_its_beginning_and_words_of_an_error(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    failed = add_execution(app, workflow, "failed", error="Step 'fetch' failed: 100% of HTTP 503")
    cancelled = add_execution(app, workflow, "cancelled", error="asked by Ann")
    completed = add_execution(app, workflow)

    found = {
        q: ids(api, {"q": q})
        for q in (
            failed,
            failed.upper(),
            failed.replace("-", ""),
            completed[:5],
            "503",
            "http 5",
            "100%",
            "ann",
        )
    }

    assert found == {
        failed: [failed],
        failed.upper(): [failed],
        failed.replace("-", ""): [failed],
        completed[:5]: [completed, cancelled, failed],
        "503": [failed],
        "http 5": [failed],
        "100%": [failed],
        "ann": [cancelled],
    }
    assert ids(api, {"q": "1_0"}) == []
    assert ids(api, {"q": "503", "status": "cancelled"}) == []
    assert ids(api, {"q": "503", "status": "completed"}) == []


REFUSED = [
    ("limit=0", "limit"),
    ("limit=201", "limit"),
    ("limit=ten", "limit"),
    ("limit=1&limit=2", "limit"),
    ("status=done", "status[0]"),
    ("status=", "status[0]"),
    ("workflowId=7", "workflowId"),
    ("triggeredBy=nobody", "triggeredBy"),
    ("scheduleId=x", "scheduleId"),
    ("webhookId=x", "webhookId"),
    ("retryOf=x", "retryOf"),
    ("createdAfter=2026-01-01", "createdAfter"),
    ("createdBefore=2026-01-01T00:00:00+00:00", "createdBefore"),
    ("tag=", "tag"),
    ("q=", "q"),
    ("q=zz", "q"),
    ("cursor=AAAA", "cursor"),
    ("space=1", "space"),
]


@pytest.mark.parametrize(("query", "path"), REFUSED)
def test_a_filter_that_is_not_valid_is_refused(api: Caller, query: str, path: str) -> None:
    reply = api.get(f"{api.workspace}/executions?{query}")

    assert (reply.status_code, reply.get_json()["code"]) == (422, "validation_failed")
    assert [fault["path"] for fault in reply.get_json()["errors"]] == [path]


def test_a_cursor_of_other_filters_or_of_another_list_is_refused(
    app: Flask, api: Caller, stranger: Caller, workflow: dict[str, Any]
) -> None:
    for _ in range(2):
        add_execution(app, workflow)
    cursor = api.get(f"{api.space}/executions?limit=1").get_json()["nextCursor"]

    replies = [
        api.get(f"{api.space}/executions?limit=1&status=completed&cursor={cursor}"),
        api.get(f"{api.workspace}/executions?limit=1&cursor={cursor}"),
        stranger.get(f"{stranger.space}/executions?limit=1&cursor={cursor}"),
    ]

    assert [reply.status_code for reply in replies] == [422, 422, 422]


def test_a_workspace_sees_nothing_of_another(
    app: Flask, api: Caller, stranger: Caller, workflow: dict[str, Any]
) -> None:
    original = add_execution(app, workflow, "failed", tags=["a"])
    add_execution(app, workflow, "failed", retry_of=original)

    queries = ({}, {"workflowId": workflow["id"]}, {"retryOf": original}, {"q": original}, {"q": "503"})
    found = [
        ids(stranger, query, place) for query in queries for place in (stranger.space, stranger.workspace)
    ]
    reads = [
        stranger.get(f"{place}/executions/{original}{rest}").status_code
        for place in (stranger.space, stranger.workspace)
        for rest in ("", "/steps/one", "/steps/one/items", "/steps/one/logs")
    ]

    assert found == [[]] * 10
    assert reads == [404] * 8
    assert stranger.post(f"{stranger.workspace}/executions/{original}/cancel").status_code == 404
    assert stranger.get(f"{api.workspace}/executions").status_code == 404


def test_what_a_deleted_space_leaves_has_null_ids(app: Flask, api: Caller) -> None:
    path, saved = second_space(api)
    left = add_execution(app, saved, "failed")

    api.ask("DELETE", path)

    [shown] = api.get(f"{api.workspace}/executions").get_json()["data"]
    assert (shown["id"], shown["spaceId"], shown["workflowId"], shown["workflowName"]) == (
        left,
        None,
        None,
        "Other",
    )
    assert api.get(f"{path}/executions").status_code == 404
    assert ids(api, {"workflowId": saved["id"]}, api.workspace) == []
    assert api.get(f"{api.workspace}/executions/{left}").get_json()["steps"] == []

"""One execution: why it has its status, its steps, items and log."""

from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app.extensions import db
from tests.api.conftest import Caller
from tests.api.execution_rows import AT, add_execution, add_items, add_log_lines, add_step

NO_SUCH_ID = "01a203fc-6170-7947-82ba-8a19c79c87c6"
OWNERLESS = {"worker": None, "lease_expires_at": None}
TWO_STEPS = {
    "steps": [
        {"id": "zero", "name": "First", "type": "transform", "with": {"value": 0}},
        {"id": "one", "type": "transform", "with": {"value": 1}},
    ]
}


@pytest.fixture
def two_steps(api: Caller) -> dict[str, Any]:
    """Give a workflow of two steps."""
    saved: dict[str, Any] = api.post(
        f"{api.space}/workflows", {"name": "Two", "definition": TWO_STEPS}
    ).get_json()
    return saved


def detail(api: Caller, execution_id: str, rest: str = "") -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"{api.space}/executions/{execution_id}{rest}").get_json()
    return found


@pytest.mark.parametrize(
    ("status", "columns", "reason"),
    [
        ("pending", {}, "queued"),
        ("pending", {"reason": "concurrency"}, "concurrency"),
        ("pending", {"run_at": AT}, "queued"),
        ("pending", {"run_at": AT.replace(year=2999)}, "delayed"),
        ("running", {}, None),
        ("running", OWNERLESS, None),
        ("running", {**OWNERLESS, "wake_at": AT}, "waiting"),
        ("running", {**OWNERLESS, "waiting_since": AT}, "waiting"),
        ("running", {"cancel_requested_at": AT, "cancel_code": "requested"}, "cancelling"),
        ("completed", {}, None),
        ("failed", {"reason": "timeout"}, "timeout"),
        ("cancelled", {"reason": "parent"}, "parent"),
    ],
)
def test_the_reason_is_stored_or_follows_from_the_row(
    app: Flask,
    api: Caller,
    workflow: dict[str, Any],
    status: str,
    columns: dict[str, Any],
    reason: str | None,
) -> None:
    execution_id = add_execution(app, workflow, status, **columns)

    shown = detail(api, execution_id)

    assert (shown["status"], shown["reason"]) == (status, reason)


def test_while_the_installation_is_paused_the_pending_ones_say_so(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    pending = add_execution(app, workflow, "pending", reason="concurrency")
    completed = add_execution(app, workflow)

    with app.app_context(), db.engine.begin() as tx:
        tx.exec_driver_sql("UPDATE installation SET paused = true")

    assert [detail(api, execution_id)["reason"] for execution_id in (pending, completed)] == ["paused", None]


def test_the_duration_is_from_the_first_start_to_the_end(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    ended = add_execution(app, workflow, completed_at=AT + timedelta(seconds=1.5))
    running = add_execution(app, workflow, "running")
    never_started = add_execution(app, workflow, "cancelled", started_at=None)

    durations = [detail(api, execution_id)["durationMs"] for execution_id in (ended, running, never_started)]

    assert durations == [1500, None, None]


def test_steps_are_in_the_order_of_the_definition_and_the_rest_is_pending(
    app: Flask, api: Caller, two_steps: dict[str, Any]
) -> None:
    execution_id = add_execution(app, two_steps, "running")
    add_step(app, two_steps, execution_id, input={"value": 1}, output=1, position=1)

    zero, one = detail(api, execution_id)["steps"]

    assert (zero["stepId"], zero["name"], zero["status"], zero["attempt"], zero["attempts"]) == (
        *("zero", "First", "pending", 0),
        [],
    )
    assert (one["stepId"], one["status"], one["input"], one["output"], one["durationMs"]) == (
        *("one", "completed", {"value": 1}, 1),
        0,
    )
    at = "2026-01-01T00:00:00.000000Z"
    assert one["attempts"] == [{"number": 1, "startedAt": at, "completedAt": at, "error": None}]
    assert detail(api, execution_id, "/steps/one") == one
    assert detail(api, execution_id, "/steps/zero") == zero


def test_a_step_has_its_id_before_its_row_exists(app: Flask, api: Caller, two_steps: dict[str, Any]) -> None:
    execution_id = add_execution(app, two_steps, "running")
    before = detail(api, execution_id, "/steps/one")

    add_step(app, two_steps, execution_id)

    after = detail(api, execution_id, "/steps/one")
    assert (before["status"], after["status"]) == ("pending", "completed")
    assert before["id"] == after["id"] != detail(api, execution_id, "/steps/zero")["id"]
    assert UUID(after["id"]).version == 7
    assert after["id"][:13] == execution_id[:13]


@pytest.mark.parametrize(
    ("value", "truncated"),
    [
        ("x" * (64 * 1024 - 2), False),
        ("x" * (64 * 1024 - 1), True),
        ("é" * (32 * 1024 - 1), False),
        ("é" * 32 * 1024, True),
        ([1] * (32 * 1024 - 1), False),
        ([1] * 32 * 1024, True),
        (["x" * 100] * 10_000, True),
    ],
)
def test_a_long_output_is_left_to_the_route_of_its_step(
    app: Flask, api: Caller, workflow: dict[str, Any], value: Any, truncated: bool
) -> None:
    execution_id = add_execution(app, workflow)
    add_step(app, workflow, execution_id, input=None, output=value)

    [step] = detail(api, execution_id)["steps"]

    assert (step["outputTruncated"], step["output"]) == (truncated, None if truncated else value)
    assert (step["inputTruncated"], step["input"]) == (False, None)
    whole = detail(api, execution_id, "/steps/one")
    assert (whole["outputTruncated"], whole["output"]) == (False, value)


def test_retries_and_children_are_named(app: Flask, api: Caller, workflow: dict[str, Any]) -> None:
    execution_id = add_execution(app, workflow, "failed")
    retries = [add_execution(app, workflow, retry_of=execution_id) for _ in range(2)]
    child = add_execution(app, workflow, parent_id=execution_id)

    shown = detail(api, execution_id)

    assert (shown["retries"], shown["children"]) == (retries, [child])


def test_items_and_log_lines_come_in_pages(app: Flask, api: Caller, workflow: dict[str, Any]) -> None:
    execution_id = add_execution(app, workflow, "running")
    add_step(app, workflow, execution_id, items={"total": 3, "completed": 3, "failed": 0})
    add_items(app, execution_id, [{"n": 0}, {"n": 1}, {"n": 2}])
    add_log_lines(app, execution_id, ["a", "b", "c"])

    pages = {}
    for name in ("items", "logs"):
        first = detail(api, execution_id, f"/steps/one/{name}?limit=2")
        second = detail(api, execution_id, f"/steps/one/{name}?limit=2&cursor={first['nextCursor']}")
        pages[name] = (len(first["data"]), [*first["data"], *second["data"]], second["nextCursor"])

    item = {"status": "completed", "attempt": 1, "error": None}
    assert pages["items"] == (2, [{"index": n, "output": {"n": n}} | item for n in range(3)], None)
    line = {"at": "2026-01-01T00:00:00.000000Z", "level": "info"}
    assert pages["logs"] == (2, [line | {"message": message} for message in "abc"], None)


def test_a_page_of_large_items_ends_early_and_goes_on(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    execution_id = add_execution(app, workflow, "running")
    add_step(app, workflow, execution_id)
    add_items(app, execution_id, [Random(0).randbytes(2_250_000).hex()] * 3)

    first = detail(api, execution_id, "/steps/one/items")

    assert [item["index"] for item in first["data"]] == [0, 1]
    second = detail(api, execution_id, f"/steps/one/items?cursor={first['nextCursor']}")
    assert ([item["index"] for item in second["data"]], second["nextCursor"]) == ([2], None)


@pytest.mark.parametrize("rest", ["", "/steps/one", "/steps/one/items", "/steps/one/logs"])
def test_an_unknown_execution_or_step_is_not_found(
    app: Flask, api: Caller, workflow: dict[str, Any], rest: str
) -> None:
    execution_id = add_execution(app, workflow)
    wrong_step = f"{execution_id}{rest.replace('one', 'two')}" if rest else "7"

    replies = [api.get(f"{api.space}/executions/{path}") for path in (f"{NO_SUCH_ID}{rest}", wrong_step)]

    assert [(reply.status_code, reply.get_json()["code"]) for reply in replies] == [(404, "not_found")] * 2


def test_an_execution_is_not_found_in_another_space(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    execution_id = add_execution(app, workflow)
    space = api.post(f"{api.workspace}/spaces", {"name": "Other"}).get_json()

    in_other = api.get(f"{api.workspace}/spaces/{space['id']}/executions/{execution_id}")
    in_workspace = api.get(f"{api.workspace}/executions/{execution_id}")

    assert (in_other.status_code, in_workspace.status_code) == (404, 200)


@pytest.mark.parametrize("step_id", ["%00", "%FF", "%ED%A0%80", "x" * 10_000, "..", "'"])
@pytest.mark.parametrize("rest", ["", "/items", "/logs"])
def test_a_step_id_that_none_can_have_is_not_found(
    app: Flask, api: Caller, workflow: dict[str, Any], step_id: str, rest: str
) -> None:
    execution_id = add_execution(app, workflow)

    reply = api.get(f"{api.space}/executions/{execution_id}/steps/{step_id}{rest}")

    assert (reply.status_code, reply.get_json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "query", ["createdAfter=0001-01-01T00:00:00Z", "createdBefore=9999-12-31T23:59:59.999Z"]
)
def test_times_at_the_ends_of_the_calendar_find_all(
    app: Flask, api: Caller, workflow: dict[str, Any], query: str
) -> None:
    add_execution(app, workflow)

    reply = api.get(f"{api.space}/executions?{query}")

    assert len(reply.get_json()["data"]) == 1


@pytest.mark.parametrize(
    ("status", "done"), [("running", 1), ("completed", 2), ("failed", 2), ("cancelled", 2)]
)
def test_of_a_finished_execution_every_step_has_ended(
    app: Flask, api: Caller, two_steps: dict[str, Any], status: str, done: int
) -> None:
    execution_id = add_execution(app, two_steps, status, steps_total=2, steps_done=1)

    found = detail(api, execution_id)

    [listed] = api.get(f"{api.space}/executions").get_json()["data"]
    assert [(form["stepsDone"], form["stepsTotal"]) for form in (found, listed)] == [(done, 2)] * 2

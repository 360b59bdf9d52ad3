"""Walks to their end at a real desk: time-outs and what still runs then, and the logs of code."""

import time
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app.engine import deadline
from app.engine.step_log import CUT
from app.settings import Settings
from app.states import StepStatus
from tests.engine.crashes import work
from tests.store.place import Place, new_workflow

Json = Any
LOGS = "SELECT level, message FROM execution_step_logs WHERE execution_id = %(id)s ORDER BY id"
ENDLESS = {"id": "endless", "type": "code", "with": {"source": "while (true) {}"}}

SLOW = {
    "id": "slow",
    "type": "code",
    "runOn": "always",
    "with": {"source": "const end = Date.now() + 2500; while (Date.now() < end); return 1"},
}


def late(step_id: str, given: Json, run_on: str = "always", **fields: Json) -> Json:
    return {"id": step_id, "type": "transform", "runOn": run_on, "with": {"value": given}, **fields}


def walked(app: Flask, place: Place, settings: Settings, *steps: Json, **more: Json) -> UUID:
    """Save a workflow and let a worker walk an execution of it; give its id."""
    workflow_id = new_workflow(app, place.scope, {"steps": list(steps), **more})
    [execution_id] = place.add(workflow_id=workflow_id, steps_total=len(steps))
    work(place, settings, execution_id, "first", None)
    return execution_id


def statuses(place: Place, execution_id: UUID) -> dict[str, str]:
    return {step_id: row.status for step_id, row in place.steps(execution_id).items()}


def test_after_a_time_out_steps_with_run_on_still_run(app: Flask, place: Place, settings: Settings) -> None:
    steps = [
        ENDLESS,
        late("tidy", "${{ steps.endless.status }}"),
        late("alarm", "${{ steps.endless.error }}", "failure", needs=["tidy"]),
        late("script", "${{ [1, 2].map(n => n * 2) }}"),
    ]

    execution_id = walked(app, place, settings, *steps, timeoutSeconds=2)

    row, rows = place.row(execution_id), place.steps(execution_id)
    assert (row.status, row.reason) == ("failed", "timeout")
    assert row.error == "The execution ran longer than its limit of 2 s"
    assert statuses(place, execution_id) == {
        "endless": "cancelled", "tidy": "completed", "alarm": "completed", "script": "completed"
    }  # fmt: skip
    assert (rows["tidy"].output, rows["script"].output) == ("cancelled", [2, 4])


def test_a_step_with_run_on_that_fails_after_a_time_out_changes_nothing_of_it(
    app: Flask, place: Place, settings: Settings
) -> None:
    execution_id = walked(app, place, settings, ENDLESS, late("bad", "${{ input.a.b }}"), timeoutSeconds=2)

    row = place.row(execution_id)
    assert (row.status, row.reason, statuses(place, execution_id)["bad"]) == ("failed", "timeout", "failed")


def test_a_time_out_while_steps_with_run_on_are_at_work_lets_them_end(
    app: Flask, place: Place, settings: Settings
) -> None:
    work = late("work", 1, "success")

    execution_id = walked(app, place, settings, work, SLOW, late("alarm", 1, "failure"), timeoutSeconds=2)

    row = place.row(execution_id)
    assert (row.status, row.reason) == ("failed", "timeout")
    assert statuses(place, execution_id) == dict.fromkeys(("work", "slow", "alarm"), "completed")


def test_an_execution_that_waits_after_its_time_out_goes_on_elsewhere_and_stays_timed_out(
    app: Flask, place: Place, settings: Settings
) -> None:
    rest = late("rest", 1, type="wait", **{"with": {"seconds": 3}})
    execution_id = walked(app, place, settings, ENDLESS, rest, timeoutSeconds=2)
    waiting = place.row(execution_id)
    time.sleep(3)

    work(place, settings, execution_id, "second", None)

    ended = place.row(execution_id)
    assert (waiting.status, waiting.worker, waiting.wake_at is None) == ("running", None, False)
    assert (ended.status, ended.reason) == ("failed", "timeout")
    assert statuses(place, execution_id) == {"endless": "cancelled", "rest": "completed"}


def test_a_step_that_failed_before_the_time_was_up_stays_the_reason(
    app: Flask, place: Place, settings: Settings
) -> None:
    bad = late("bad", "${{ input.a.b }}", "success")

    execution_id = walked(app, place, settings, bad, SLOW, timeoutSeconds=2)

    row = place.row(execution_id)
    assert (row.status, row.reason) == ("failed", "step_failed")
    assert statuses(place, execution_id) == {"bad": "failed", "slow": "completed"}


def busy(step_id: str, seconds: float) -> Json:
    """Write a step with runOn that computes for so long."""
    source = f"const end = Date.now() + {seconds * 1000}; while (Date.now() < end); return 1"
    return late(step_id, None, type="code", timeoutSeconds=60, **{"with": {"source": source}})


def test_steps_with_run_on_are_ended_when_their_time_after_a_time_out_is_up(
    app: Flask, place: Place, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "LAST_SECONDS", 1)
    steps = [ENDLESS, busy("tidy", 50), late("after", 1, needs=["tidy"])]

    execution_id = walked(app, place, settings, *steps, timeoutSeconds=1)

    row = place.row(execution_id)
    assert (row.status, row.reason) == ("failed", "timeout")
    assert row.error == (
        "The execution ran longer than its limit of 1 s,"
        " and its steps with runOn took more than 1 s after that"
    )
    assert statuses(place, execution_id) == {"endless": "cancelled", "tidy": "cancelled"}


def test_a_failed_execution_whose_steps_with_run_on_have_no_time_left_says_why_it_failed(
    app: Flask, place: Place, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "LAST_SECONDS", 0.5)
    bad = late("bad", "${{ input.a.b }}", "success")

    execution_id = walked(app, place, settings, bad, busy("tidy", 50), timeoutSeconds=1)

    row = place.row(execution_id)
    assert (row.status, row.reason) == ("failed", "step_failed")
    assert statuses(place, execution_id) == {"bad": "failed", "tidy": "cancelled"}


def test_the_time_of_steps_with_run_on_goes_on_where_it_was_behind_a_wait_and_on_another_worker(
    app: Flask, place: Place, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "LAST_SECONDS", 3)
    rest = late("rest", None, type="wait", needs=["tidy"], **{"with": {"seconds": 1}})
    last = busy("last", 50) | {"needs": ["rest"]}

    execution_id = walked(app, place, settings, ENDLESS, busy("tidy", 2), rest, last, timeoutSeconds=1)
    assert place.row(execution_id).worker is None
    time.sleep(1)
    work(place, settings, execution_id, "second", None)

    rows = place.steps(execution_id)
    assert place.row(execution_id).reason == "timeout"
    assert {step_id: row.status for step_id, row in rows.items()} == {
        "endless": "cancelled", "tidy": "completed", "rest": "completed", "last": "cancelled"
    }  # fmt: skip
    assert (rows["last"].completed_at - rows["last"].started_at).total_seconds() < 2.7


def logged(
    app: Flask, place: Place, settings: Settings, source: str, **fields: Json
) -> tuple[str, list[Any]]:
    """Run code; give the status of its step, and its log."""
    step = {"id": "code", "type": "code", "with": {"source": source}, **fields}
    execution_id = walked(app, place, settings, step)
    lines = [tuple(row) for row in place.sql(LOGS, id=str(execution_id))]
    return statuses(place, execution_id)["code"], lines


def test_what_code_logged_before_its_time_was_up_is_kept(
    app: Flask, place: Place, settings: Settings
) -> None:
    status, lines = logged(
        app,
        place,
        settings,
        "console.log('one', 10n); console.warn('two'); while (true) {}",
        timeoutSeconds=1,
    )

    assert status == StepStatus.FAILED
    assert lines == [("info", "one 10n"), ("warning", "two")]


def test_a_log_that_is_too_long_ends_with_a_line_that_says_so(
    app: Flask, place: Place, settings: Settings
) -> None:
    source = "console.log('x'.repeat(300 * 1024)); console.log('after'); return 1"

    status, lines = logged(app, place, settings, source)

    assert status == StepStatus.COMPLETED
    assert [(level, message[-1]) for level, message in lines] == [("info", "…"), ("warning", CUT[-1])]
    assert lines[1][1] == CUT


def test_the_items_of_a_step_share_its_log(app: Flask, place: Place, settings: Settings) -> None:
    status, lines = logged(
        app,
        place,
        settings,
        "for (let i = 0; i < 400; i++) console.log(index, i)",
        forEach="${{ [1, 2, 3] }}",
    )

    assert status == StepStatus.COMPLETED
    assert (len(lines), lines[-1]) == (1000, ("warning", CUT))

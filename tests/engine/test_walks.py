"""Walks to their end at a real desk: time-outs and what still runs then, and the logs of code."""

import time
from typing import Any
from uuid import UUID

from flask import Flask

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

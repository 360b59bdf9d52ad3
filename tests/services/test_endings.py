"""Executions past their time while nobody owns them end as timed out, with all that belongs to an end."""

from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app.services import endings
from app.services.tick import PASSES, tick
from app.store import overdue
from tests.store.place import DEFINITION, Place, lock, new_workflow

Json = Any
OWNERLESS = "worker = NULL, lease_expires_at = NULL"
TIMEOUT = DEFINITION | {"timeoutSeconds": 60}


def end_overdue(app: Flask) -> int:
    with app.app_context():
        return endings.end_overdue()


def handed_back(place: Place, age: str, workflow_id: UUID, **draft: Any) -> UUID:
    """Make an execution that began some time ago and has no owner."""
    [made] = place.running(1, workflow_id=workflow_id, **draft)
    place.change(f"{OWNERLESS}, started_at = now() - interval '{age}'", [made])
    return made


def add_step(place: Place, execution_id: UUID, status: str, **columns: Any) -> None:
    given = {"type": "transform", "attempt": 1, "step_id": "one"} | columns
    place.sql(
        "INSERT INTO execution_steps (execution_id, step_id, workspace_id, position, type, status, attempt,"
        " completed_at) VALUES (%(id)s, %(step_id)s, %(workspace)s, 0, %(type)s, %(status)s, %(attempt)s,"
        " CASE WHEN %(status)s = 'completed' THEN now() END)",
        id=str(execution_id),
        workspace=str(place.scope.workspace_id),
        status=status,
        **given,
    )


def test_what_nobody_owns_ends_when_its_timeout_is_over(app: Flask, place: Place) -> None:
    workflow_id = new_workflow(app, place.scope, TIMEOUT)
    late, early = (handed_back(place, age, workflow_id) for age in ("80 s", "30 s"))
    add_step(place, late, "running")

    done = end_overdue(app)

    row = place.row(late)
    assert endings.end_overdue in PASSES
    assert (done, row.status, row.reason) == (1, "failed", "timeout")
    assert row.error == "The execution ran longer than its limit of 60 s"
    assert place.steps(late)["one"].status == "cancelled"
    assert place.row(early).status == "running"


def test_the_workspace_s_limit_holds_without_one_of_the_workflow_and_below_it(
    app: Flask, place: Place
) -> None:
    plain, longer = place.workflow_id, new_workflow(app, place.scope, TIMEOUT)
    place.sql("UPDATE workspaces SET max_execution_seconds = 20")
    late = [handed_back(place, "40 s", workflow_id) for workflow_id in (plain, longer)]
    early = handed_back(place, "5 s", plain)

    end_overdue(app)

    assert [place.row(i).reason for i in late] == ["timeout", "timeout"]
    assert place.row(late[1]).error == "The execution ran longer than its limit of 20 s"
    assert place.row(early).status == "running"


def test_a_kept_deadline_counts_and_not_the_start(app: Flask, place: Place) -> None:
    workflow_id = new_workflow(app, place.scope, TIMEOUT)
    late, excused = (handed_back(place, "1 day", workflow_id) for _ in range(2))
    place.change("deadline_at = now() - interval '20 s'", [late])
    place.change("deadline_at = now() + interval '1 h'", [excused])

    end_overdue(app)

    assert (place.row(late).reason, place.row(excused).status) == ("timeout", "running")


@pytest.mark.parametrize(
    "changes",
    [
        "wake_at = now() + interval '1 h', waiting_since = now() - interval '1 day'",
        "wake_at = now() - interval '1 min', waiting_since = now() - interval '1 day'",
        "waiting_since = now() - interval '1 day'",
        "worker = 'w1', lease_expires_at = now() + interval '10 s'",
        "cancel_requested_at = now(), cancel_code = 'requested', worker = 'w', lease_expires_at = now()",
    ],
)
def test_the_time_of_a_wait_does_not_count_and_owners_watch_themselves(
    app: Flask, place: Place, changes: str
) -> None:
    made = handed_back(place, "2 days", new_workflow(app, place.scope, TIMEOUT))
    place.change(f"deadline_at = now() - interval '1 day', {changes}", [made])

    assert end_overdue(app) == 0
    assert place.row(made).status == "running"


def test_what_has_steps_for_the_case_of_failure_is_left_to_a_worker(app: Flask, place: Place) -> None:
    tidy = {"id": "tidy", "type": "transform", "runOn": "always", "with": {"value": 1}}
    workflow_id = new_workflow(app, place.scope, TIMEOUT | {"steps": [*DEFINITION["steps"], tidy]})
    late = handed_back(place, "2 days", workflow_id)

    assert end_overdue(app) == 0
    assert place.row(late).status == "running"


def test_children_that_were_waited_for_are_cancelled_parents_woken_and_handlers_started(
    app: Flask, place: Place
) -> None:
    handler = new_workflow(app, place.scope)
    failing = new_workflow(app, place.scope, TIMEOUT | {"onFailure": {"workflowId": str(handler)}})
    [parent] = place.running()
    place.change(f"{OWNERLESS}, waiting_since = now()", [parent])
    late = handed_back(place, "2 min", failing, parent_id=parent, parent_step="one")
    add_step(place, late, "waiting", type="workflow")
    add_step(place, late, "completed", type="workflow", step_id="let_go")
    awaited = place.add(1, parent_id=late, parent_step="one[0]")
    [flagged] = place.running(1, parent_id=late, parent_step="one[1]")
    [free] = place.add(1, parent_id=late, parent_step="let_go")

    with app.app_context():
        tick()

    assert place.row(late).reason == "timeout"
    assert [(place.row(i).status, place.row(i).reason) for i in awaited] == [("cancelled", "parent")]
    assert place.row(flagged).cancel_code == "parent"
    assert place.row(free).status == "pending"
    assert place.row(parent).wake_at is not None
    [made] = place.sql("SELECT * FROM executions WHERE workflow_id = %(id)s", id=str(handler))
    assert (made.parent_id, made.input["id"], made.input["reason"]) == (late, str(late), "timeout")


@pytest.mark.parametrize("change", ["enabled = false", "deleted_at = now()"])
def test_a_handler_that_is_disabled_or_gone_is_left_out(app: Flask, place: Place, change: str) -> None:
    handler = new_workflow(app, place.scope)
    failing = new_workflow(app, place.scope, TIMEOUT | {"onFailure": {"workflowId": str(handler)}})
    late = handed_back(place, "2 min", failing)
    place.sql(f"UPDATE workflows SET {change} WHERE id = %(id)s", id=str(handler))

    assert end_overdue(app) == 1

    assert place.statuses() == {late: "failed"}


def test_an_execution_that_crashed_for_good_takes_its_children_along(app: Flask, place: Place) -> None:
    [crashed] = place.running()
    place.change("takeovers = 2, lease_expires_at = now() - interval '1 s'", [crashed])
    add_step(place, crashed, "running", type="workflow")
    [child] = place.add(1, parent_id=crashed, parent_step="one")

    with app.app_context():
        tick()

    assert (place.row(crashed).reason, place.row(child).reason) == ("crashed", "parent")


def test_a_parent_that_begins_to_wait_meanwhile_is_waited_for(app: Flask, place: Place) -> None:
    workflow_id = new_workflow(app, place.scope, TIMEOUT)
    [parent] = place.running()
    late = handed_back(place, "2 min", workflow_id, parent_id=parent, parent_step="one")

    with place.transaction() as tx:
        assert len(overdue.end(tx, 10)) == 1
        with place.engine.connect() as other, other.begin():
            other.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
            with pytest.raises(Exception, match="lock timeout"):
                lock(other, parent)

    assert place.row(late).status == "failed"

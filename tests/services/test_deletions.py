"""What deleted spaces and workflows leave behind."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from app.clock import new_id
from app.extensions import db
from app.services import deletions, spaces, workflows, workspaces
from app.services.scope import Scope
from app.services.workspaces import Created
from app.states import Role

DEFINITION = {"steps": [{"id": "one", "type": "transform", "with": {"value": 1}}]}


@pytest.fixture(autouse=True)
def _in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.fixture
def made() -> Created:
    return workspaces.create("Acme")


@pytest.fixture
def scope(made: Created) -> Scope:
    return Scope(made.workspace_id, Role.ADMIN, made.space_id)


def sql(query: str, **given: Any) -> Any:
    with db.engine.begin() as tx:
        result = tx.execute(text(query), given)
        return result.all() if result.returns_rows else None


def new_workflow(scope: Scope) -> UUID:
    values = {"name": "n", "definition": DEFINITION, "enabled": True, "max_concurrency": None}
    return workflows.create(scope, values).id


def add_executions(scope: Scope, workflow_id: UUID, state: str, count: int = 1, **more: Any) -> None:
    columns = {
        "pending": "'pending', 'queued', NULL, NULL, NULL, NULL",
        "owned": "'running', NULL, now(), NULL, 'worker', now() + interval '1 minute'",
        "waiting": "'running', NULL, now(), NULL, NULL, NULL",
        "completed": "'completed', NULL, now(), now(), NULL, NULL",
    }[state]
    names = "".join(f", {name}" for name in more)
    values = "".join(f", :{name}" for name in more)
    for _ in range(count):
        sql(
            f"""INSERT INTO executions (id, workspace_id, space_id, workflow_id, workflow_name,
                workflow_version, triggered_by, input, steps_total, status, reason, started_at, completed_at,
                worker, lease_expires_at{names})
                VALUES (:id, :workspace, :space, :workflow, 'n', 1, 'api', '{{}}', 1, {columns}{values})""",
            id=new_id(),
            workspace=scope.workspace_id,
            space=scope.space_id,
            workflow=workflow_id,
            **more,
        )


def test_deleting_a_workflow_cancels_what_is_active_and_frees_what_has_ended(scope: Scope) -> None:
    workflow_id = new_workflow(scope)
    for state in ("pending", "owned", "waiting", "completed"):
        add_executions(scope, workflow_id, state)

    workflows.delete(scope, workflow_id, None)

    rows = sql(
        "SELECT status::text, reason, cancel_code, workflow_id, space_id, error FROM executions ORDER BY id"
    )
    text_of = "The workflow was deleted"
    assert [tuple(row) for row in rows] == [
        ("cancelled", "deleted", "deleted", None, scope.space_id, text_of),
        ("running", None, "deleted", workflow_id, scope.space_id, text_of),
        ("cancelled", "deleted", "deleted", None, scope.space_id, text_of),
        ("completed", None, None, None, scope.space_id, None),
    ]


def test_deleting_a_space_takes_both_ids_off_its_executions(scope: Scope) -> None:
    workflow_id = new_workflow(scope)
    for state in ("pending", "completed"):
        add_executions(scope, workflow_id, state)

    spaces.delete(scope)

    rows = sql("SELECT status::text, space_id, workflow_id FROM executions ORDER BY id")
    assert [tuple(row) for row in rows] == [("cancelled", None, None), ("completed", None, None)]


def test_what_is_large_goes_batch_by_batch(scope: Scope) -> None:
    workflow_id = new_workflow(scope)
    add_executions(scope, workflow_id, "completed", 7)
    sql("UPDATE workflows SET deleted_at = now() - interval '2 minutes'")

    batches = [deletions.purge_deleted(3) for _ in range(5)]

    assert batches == [3, 3, 2, 0, 0]  # three, three, the last with the workflow itself
    assert sql("SELECT id FROM workflows") == []
    assert len(sql("SELECT id FROM executions WHERE workflow_id IS NULL")) == 7


def test_the_row_stays_while_a_request_may_still_add_to_it(scope: Scope) -> None:
    workflow_id = new_workflow(scope)
    workflows.delete(scope, workflow_id, None)
    add_executions(scope, workflow_id, "pending")

    deletions.purge_deleted()

    assert sql("SELECT status::text FROM executions")[0].status == "cancelled"
    assert len(sql("SELECT id FROM workflows")) == 1


def test_the_row_stays_until_its_last_execution_has_stopped(scope: Scope) -> None:
    workflow_id = new_workflow(scope)
    add_executions(scope, workflow_id, "owned")
    workflows.delete(scope, workflow_id, None)
    sql("UPDATE workflows SET deleted_at = now() - interval '2 minutes'")

    assert deletions.purge_deleted() == 0
    sql(
        "UPDATE executions SET status = 'cancelled', reason = 'deleted', completed_at = now(), "
        "worker = NULL, lease_expires_at = NULL"
    )
    assert deletions.purge_deleted() == 2
    assert sql("SELECT id FROM workflows") == []


@pytest.mark.parametrize("what", ["space", "workflow"])
def test_schedules_and_webhooks_go_with_their_records(scope: Scope, what: str) -> None:
    workflow_id, schedule_id, webhook_id = new_workflow(scope), new_id(), new_id()
    ids = {"space": scope.space_id, "workflow": workflow_id}
    sql(
        "INSERT INTO schedules (id, space_id, workflow_id, name, cron) "
        "VALUES (:id, :space, :workflow, 'n', '@daily')",
        id=schedule_id,
        **ids,
    )
    sql(
        "INSERT INTO webhooks (id, space_id, workflow_id, name, verification) "
        "VALUES (:id, :space, :workflow, 'n', '{}')",
        id=webhook_id,
        **ids,
    )
    sql(
        "INSERT INTO schedule_fires (id, schedule_id, scheduled_for, outcome) "
        "VALUES (:id, :of, now(), 'fired')",
        id=new_id(),
        of=schedule_id,
    )
    sql(
        "INSERT INTO webhook_deliveries (id, webhook_id, outcome, method, headers) "
        "VALUES (:id, :of, 'accepted', 'GET', '{}')",
        id=new_id(),
        of=webhook_id,
    )
    add_executions(scope, workflow_id, "completed", schedule_id=schedule_id, webhook_id=webhook_id)

    if what == "space":
        spaces.delete(scope)
    else:
        workflows.delete(scope, workflow_id, None)

    for table in ("schedules", "webhooks", "schedule_fires", "webhook_deliveries"):
        assert sql(f"SELECT 1 FROM {table}") == []
    assert len(sql("SELECT 1 FROM executions WHERE schedule_id IS NULL AND webhook_id IS NULL")) == 1


def test_a_deleted_space_goes_with_its_workflows_in_the_end(scope: Scope) -> None:
    new_workflow(scope)
    spaces.delete(scope)
    sql("UPDATE spaces SET deleted_at = now() - interval '2 minutes'")

    deletions.purge_deleted()

    assert sql("SELECT id FROM spaces") == sql("SELECT id FROM workflows") == []


def test_nothing_of_another_workspace_is_touched(scope: Scope) -> None:
    other = workspaces.create("Globex")
    theirs = Scope(other.workspace_id, Role.ADMIN, other.space_id)
    add_executions(theirs, new_workflow(theirs), "pending")

    spaces.delete(scope)

    assert sql("SELECT status::text FROM executions")[0].status == "pending"

"""What the table itself refuses: CHECKs, and changes of executions that have ended."""

import pytest
from sqlalchemy.exc import IntegrityError

from app.states import Reason, Status, TriggeredBy
from app.store import executions, flushes
from app.store.flushes import Settlement
from tests.store.place import Place

OWNED = "status = 'running', reason = NULL, started_at = now(), worker = 'w', lease_expires_at = now()"
COMPLETED = "status = 'completed', reason = NULL, started_at = now(), completed_at = now()"
FAILED = "status = 'failed', reason = 'step_failed', error = 'no', started_at = now(), completed_at = now()"
CANCELLED = (
    "status = 'cancelled', reason = 'requested', completed_at = now(), cancel_requested_at = now(), "
    "cancel_code = 'requested'"
)


@pytest.mark.parametrize("changes", [OWNED, COMPLETED, FAILED, CANCELLED])
def test_each_status_may_be_written_whole(place: Place, changes: str) -> None:
    [execution_id] = place.add()

    place.change(changes, [execution_id])

    assert place.row(execution_id).status != "pending"


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ("completed_at = now()", "completed_at"),
        (COMPLETED.replace(", completed_at = now()", ""), "completed_at"),
        (COMPLETED.replace("started_at = now(), ", ""), "started_at"),
        ("started_at = now()", "not_started"),
        (COMPLETED + " - interval '1 s'", "ends_after_start"),
        ("reason = NULL", "reason"),
        ("reason = 'requested'", "reason"),
        ("reason = 'delayed'", "reason"),
        (OWNED.replace("reason = NULL", "reason = 'waiting'"), "reason"),
        (COMPLETED.replace("reason = NULL", "reason = 'step_failed'"), "reason"),
        (FAILED.replace("step_failed", "bulk"), "reason"),
        (FAILED.replace("'step_failed'", "NULL"), "reason"),
        (FAILED.replace("'no'", "NULL"), "error"),
        (FAILED + ", output = '1'", "output"),
        ("output = '1'", "output"),
        (OWNED.replace(", lease_expires_at = now()", ""), "lease"),
        (OWNED.replace("worker = 'w', ", ""), "lease"),
        ("worker = 'w', lease_expires_at = now()", "owner"),
        (COMPLETED + ", worker = 'w', lease_expires_at = now()", "owner"),
        (OWNED + ", wake_at = now()", "wake_at"),
        ("wake_at = now()", "wake_at"),
        ("cancel_requested_at = now()", "cancel_code"),
        ("cancel_code = 'requested'", "cancel_code"),
        (COMPLETED + ", cancel_requested_at = now(), cancel_code = 'requested'", "cancel_wins"),
        (FAILED + ", cancel_requested_at = now(), cancel_code = 'requested'", "cancel_wins"),
        ("steps_done = steps_total + 1", "steps_done"),
        ("attempt = 0", "counts"),
        ("takeovers = -1", "counts"),
        ("claim_no = -1", "counts"),
        ("send_no = -1", "counts"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused(place: Place, changes: str, constraint: str) -> None:
    [execution_id] = place.add()

    with pytest.raises(IntegrityError) as refused:
        place.change(changes, [execution_id])

    assert f"ck_executions_{constraint}" in str(refused.value)


@pytest.mark.parametrize("end", [COMPLETED, FAILED, CANCELLED])
@pytest.mark.parametrize(
    "changes",
    [
        "status = 'running', reason = NULL, completed_at = NULL, started_at = now(), error = NULL, "
        "cancel_requested_at = NULL, cancel_code = NULL",
        "error = 'another'",
        "input = '[1]'",
        "started_at = now() - interval '1 h'",
        "completed_at = completed_at + interval '1 s'",
        "steps_done = 1",
    ],
)
def test_the_outcome_of_an_ended_execution_never_changes(place: Place, end: str, changes: str) -> None:
    [ended, active] = place.add(2)
    place.change(end, [ended])
    before = place.row(ended)

    with pytest.raises(IntegrityError, match="its outcome never changes"):
        place.change(changes, [ended])

    assert place.row(ended) == before
    assert place.row(active).status == "pending"


def test_one_ended_row_among_many_refuses_the_whole_statement(place: Place) -> None:
    ids = place.add(50)
    place.change(COMPLETED, ids[25:26])

    with pytest.raises(IntegrityError, match=str(ids[25])):
        place.change(FAILED, ids)

    assert sorted(place.statuses().values()) == ["completed"] + ["pending"] * 49


def test_the_set_nulls_of_deletes_pass(place: Place) -> None:
    [original] = place.add()
    [retried] = place.add(retry_of=original, attempt=2)
    place.change(COMPLETED, [original, retried])

    place.sql("DELETE FROM executions WHERE id = %(id)s", id=str(original))
    place.sql("DELETE FROM workflows")
    place.sql("DELETE FROM spaces")

    row = place.row(retried)
    assert (row.retry_of, row.workflow_id, row.space_id, row.status) == (None, None, None, "completed")


def test_a_change_that_says_the_same_passes(place: Place) -> None:
    [execution_id] = place.add()
    place.change(COMPLETED + ", output = '{\"a\": 1}'", [execution_id])

    place.change("output = '{\"a\": 1.0}', status = status", [execution_id])

    assert place.row(execution_id).status == "completed"


def test_a_late_settle_of_an_ended_execution_changes_nothing(place: Place) -> None:
    [execution_id] = place.running()
    with place.transaction() as tx:
        flushes.settle(tx, "w1", [(execution_id, 1, Settlement(Status.COMPLETED, output="1"), 1)])

    with place.transaction() as tx:
        again = flushes.settle(tx, "w1", [(execution_id, 1, Settlement(Status.COMPLETED, output="2"), 1)])

    assert (again, place.row(execution_id).output) == (0, 1)


def test_executions_are_made_in_order_with_all_that_they_know(place: Place) -> None:
    drafts = [
        place.draft(input={"n": number}, tags=("a,b", '"{}'), idempotency_key=f"k{number}")
        for number in range(300)
    ]
    drafts[7] = place.draft(input=None, triggered_by=TriggeredBy.WEBHOOK, trigger={"method": "POST"}, depth=3)

    with place.transaction() as tx:
        rows = executions.create_many(tx, drafts)

    assert [row.id for row in rows] == [draft.id for draft in drafts]
    assert [row.input for row in rows] == [draft.input for draft in drafts]
    assert {row.status for row in rows} == {"pending"}
    assert (rows[0].tags, rows[0].idempotency_key, rows[0].trigger) == (["a,b", '"{}'], "k0", None)
    assert (rows[7].triggered_by, rows[7].trigger, rows[7].depth) == ("webhook", {"method": "POST"}, 3)
    assert {(row.send_no, row.sent_at is None, row.reason) for row in rows} == {(1, False, "queued")}


def test_a_delayed_execution_is_not_sent_yet(place: Place) -> None:
    [later] = place.sql("SELECT now() + interval '1 h' AS at")
    [sooner] = place.sql("SELECT now() - interval '1 h' AS at")

    [delayed], [due] = place.add(run_at=later.at), place.add(run_at=sooner.at)

    assert (place.row(delayed).sent_at, place.row(delayed).send_no) == (None, 0)
    assert (place.row(due).sent_at is None, place.row(due).send_no) == (False, 1)


def test_many_are_made_all_or_none(place: Place) -> None:
    drafts = [place.draft() for _ in range(10)]
    drafts[9] = place.draft(id=drafts[0].id)

    with pytest.raises(IntegrityError), place.transaction() as tx:
        executions.create_many(tx, drafts)

    assert place.statuses() == {}


def test_cancel_settles_what_has_no_owner_and_flags_what_has_one(place: Place) -> None:
    [pending, waiting, owned, done, foreign] = place.add(5)
    place.change(OWNED, [owned])
    place.change("status = 'running', reason = NULL, started_at = now(), wake_at = now()", [waiting])
    place.change(COMPLETED, [done])
    workspace_id = place.scope.workspace_id

    with place.transaction() as tx:
        touched = executions.cancel_many(
            tx, workspace_id, [pending, waiting, owned, done], Reason.BULK, "enough"
        )

    assert {row.id: (row.status, row.worker) for row in touched} == {
        pending: ("cancelled", None),
        waiting: ("cancelled", None),
        owned: ("running", "w"),
    }
    assert (place.row(pending).reason, place.row(pending).error) == ("bulk", "enough")
    assert (place.row(waiting).wake_at, place.row(pending).started_at) == (None, None)
    assert (place.row(owned).cancel_code, place.row(owned).reason) == ("bulk", None)
    assert [place.row(i).status for i in (done, foreign)] == ["completed", "pending"]


def test_the_first_cancel_says_why(place: Place) -> None:
    [execution_id] = place.running()
    for code, text in ((Reason.REQUESTED, "first"), (Reason.BULK, "second")):
        with place.transaction() as tx:
            executions.cancel_many(tx, place.scope.workspace_id, [execution_id], code, text)

    with place.transaction() as tx:
        flushes.settle_cancelled(tx, "w1", [execution_id])

    row = place.row(execution_id)
    assert (row.status, row.reason, row.error, row.worker) == ("cancelled", "requested", "first", None)


def test_cancel_does_not_reach_into_another_workspace(place: Place) -> None:
    [execution_id] = place.add()

    with place.transaction() as tx:
        touched = executions.cancel_many(tx, execution_id, [execution_id], Reason.REQUESTED, None)

    assert (touched, place.row(execution_id).status) == ([], "pending")

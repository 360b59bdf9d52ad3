"""Schedules fire: what is made, what overlaps, and what cannot fire."""

from datetime import timedelta

import pytest

from app.services import schedules, workflows
from app.services.cron import parse
from app.states import Status
from tests.services.clockwork import Clockwork


def test_a_due_schedule_makes_its_execution(clockwork: Clockwork) -> None:
    made = clockwork.add(input={"n": [1, 2.5, None]})
    at = clockwork.once(made)

    clockwork.fire()

    [execution], [fire] = clockwork.executions(made), clockwork.fires(made)
    assert (execution.triggered_by, execution.status, execution.reason) == ("schedule", "pending", "queued")
    assert (execution.input, execution.workspace_id) == (
        {"n": [1, 2.5, None]},
        clockwork.place.scope.workspace_id,
    )
    assert execution.trigger == {"scheduledFor": at.strftime("%Y-%m-%dT%H:%M:%S.000000Z")}
    assert (fire.scheduled_for, fire.outcome, fire.reason, fire.until, fire.count) == (
        at,
        "fired",
        None,
        None,
        1,
    )
    assert (fire.execution_id, fire.fired_at) == (execution.id, execution.created_at)


def test_a_fired_schedule_is_due_at_its_next_instant(clockwork: Clockwork) -> None:
    made = clockwork.add()
    at = clockwork.once(made)

    clockwork.fire()

    row = clockwork.row(made)
    assert row.next_fire_at == parse(row.cron, "UTC").next_after(at)
    assert row.last_fired_at == clockwork.fires(made)[0].fired_at
    assert clockwork.fire() == 0


def test_a_schedule_set_back_does_not_fire_its_instants_again(clockwork: Clockwork) -> None:
    made = clockwork.add()
    at = clockwork.once(made)
    clockwork.fire()
    clockwork.set(made, f"next_fire_at = '{at.isoformat()}'")

    clockwork.fire()

    assert len(clockwork.executions(made)) == 1
    assert clockwork.outcomes(made) == [("fired", None)]


@pytest.mark.parametrize("seconds", [1, 5])
def test_an_instant_found_a_few_seconds_late_is_always_fired(clockwork: Clockwork, seconds: int) -> None:
    made = clockwork.due(seconds, catch_up="none")
    first = clockwork.row(made).next_fire_at

    clockwork.fire()

    assert set(clockwork.outcomes(made)) == {("fired", None)}
    clockwork.accounted(made, first)


def test_a_disabled_schedule_records_nothing(clockwork: Clockwork) -> None:
    made = clockwork.due()
    clockwork.set(made, "enabled = false")

    clockwork.fire()

    assert (clockwork.fires(made), clockwork.executions(made)) == ([], [])


def test_a_disabled_workflow_is_recorded_as_the_reason(clockwork: Clockwork) -> None:
    made = clockwork.add()
    clockwork.once(made)
    clockwork.place.sql("UPDATE workflows SET enabled = false")

    clockwork.fire()

    assert clockwork.outcomes(made) == [("skipped", "workflow_disabled")]
    assert (clockwork.executions(made), clockwork.row(made).last_fired_at) == ([], None)


def test_overlap_allow_lets_executions_run_beside_each_other(clockwork: Clockwork) -> None:
    made = clockwork.due(3, overlap="allow")

    clockwork.fire()

    assert {row.status for row in clockwork.executions(made)} == {"pending"}
    assert len(clockwork.executions(made)) >= 4


def test_overlap_skip_fires_only_while_nothing_is_active(clockwork: Clockwork) -> None:
    made = clockwork.due(2, overlap="skip")

    clockwork.fire()

    assert clockwork.outcomes(made)[:2] == [("fired", None), ("skipped", "overlap")]
    assert len(clockwork.executions(made)) == 1


def test_overlap_skip_counts_an_execution_that_waits(clockwork: Clockwork) -> None:
    made = clockwork.add(overlap="skip")
    [waiting] = clockwork.place.running(schedule_id=made)
    clockwork.place.change(
        "worker = NULL, lease_expires_at = NULL, wake_at = now() + interval '1 day'", [waiting]
    )
    clockwork.once(made)

    clockwork.fire()

    assert clockwork.outcomes(made) == [("skipped", "overlap")]


def test_overlap_skip_fires_again_when_the_previous_has_ended(clockwork: Clockwork) -> None:
    made = clockwork.add(overlap="skip")
    [ended] = clockwork.place.add(schedule_id=made)
    clockwork.place.change("status = 'cancelled', reason = 'requested', completed_at = now()", [ended])
    clockwork.once(made)

    clockwork.fire()

    assert clockwork.outcomes(made) == [("fired", None)]


def test_overlap_cancel_previous_ends_what_was_active(clockwork: Clockwork) -> None:
    made = clockwork.add(overlap="cancelPrevious")
    [pending] = clockwork.place.add(schedule_id=made)
    [running] = clockwork.place.running(schedule_id=made)
    clockwork.once(made)

    clockwork.fire()

    before, flagged = clockwork.place.row(pending), clockwork.place.row(running)
    assert (before.status, before.reason) == (Status.CANCELLED, "overlap")
    assert (flagged.status, flagged.cancel_code) == (Status.RUNNING, "overlap")
    assert [row.status for row in clockwork.executions(made) if row.id not in (pending, running)] == [
        "pending"
    ]


def test_overlap_cancel_previous_leaves_the_last_of_several_instants(clockwork: Clockwork) -> None:
    made = clockwork.due(3, overlap="cancelPrevious")

    clockwork.fire()

    statuses = [row.status for row in clockwork.executions(made)]
    assert statuses[-1] == "pending"
    assert set(statuses[:-1]) == {"cancelled"}


def test_overlap_cancel_previous_cancels_nothing_when_the_next_cannot_start(clockwork: Clockwork) -> None:
    made = clockwork.add(overlap="cancelPrevious")
    [running] = clockwork.place.running(schedule_id=made)
    clockwork.once(made)
    clockwork.place.sql("UPDATE workflows SET enabled = false")

    clockwork.fire()

    assert clockwork.place.row(running).cancel_requested_at is None
    assert clockwork.outcomes(made) == [("skipped", "workflow_disabled")]


def test_overlap_buffer_one_holds_one_and_skips_further_ones(clockwork: Clockwork) -> None:
    made = clockwork.due(3, overlap="bufferOne")

    clockwork.fire()

    executions = clockwork.executions(made)
    assert [(row.status, row.reason, row.sent_at is None) for row in executions] == [
        ("pending", "queued", False),
        ("pending", "overlap", True),
    ]
    assert clockwork.outcomes(made)[:3] == [("fired", None), ("fired", None), ("skipped", "overlap")]


def test_a_buffered_execution_is_sent_when_the_previous_has_ended(clockwork: Clockwork) -> None:
    made = clockwork.due(1, overlap="bufferOne")
    clockwork.fire()
    first, held = clockwork.executions(made)[:2]

    clockwork.release()
    while_active = clockwork.place.row(held.id).reason
    clockwork.place.change("status = 'cancelled', reason = 'requested', completed_at = now()", [first.id])
    clockwork.release()

    released = clockwork.place.row(held.id)
    assert while_active == "overlap"
    assert (released.status, released.reason, released.send_no) == ("pending", "queued", 1)
    assert released.sent_at is not None


def test_a_buffered_execution_is_sent_when_its_schedule_is_gone(clockwork: Clockwork) -> None:
    made = clockwork.due(1, overlap="bufferOne")
    clockwork.fire()
    held = clockwork.executions(made)[1]
    clockwork.place.sql("DELETE FROM schedules")

    clockwork.release()

    assert clockwork.place.row(held.id).reason == "queued"


def test_a_broken_schedule_is_recorded_and_the_rest_fire(clockwork: Clockwork) -> None:
    bad_cron, bad_zone, good = clockwork.due(), clockwork.due(), clockwork.add()
    clockwork.once(good)
    clockwork.set(bad_cron, "cron = 'nonsense'")
    clockwork.set(bad_zone, "timezone = 'Mars/Olympus'")

    clockwork.fire()

    assert clockwork.outcomes(bad_cron) == clockwork.outcomes(bad_zone) == [("skipped", "broken")]
    assert clockwork.outcomes(good) == [("fired", None)]
    assert clockwork.row(bad_cron).next_fire_at is None


def test_a_schedule_that_the_database_refuses_is_recorded_and_the_rest_fire(clockwork: Clockwork) -> None:
    bad, good = clockwork.add(input={"poison": True}), [clockwork.add() for _ in range(4)]
    for made in (bad, *good):
        clockwork.once(made)
    clockwork.place.sql("ALTER TABLE executions ADD CONSTRAINT no_poison CHECK (NOT input ? 'poison')")

    try:
        clockwork.fire()
    finally:
        clockwork.place.sql("ALTER TABLE executions DROP CONSTRAINT no_poison")

    assert clockwork.outcomes(bad) == [("skipped", "broken")]
    assert [clockwork.outcomes(made) for made in good] == [[("fired", None)]] * 4
    assert clockwork.row(bad).next_fire_at - clockwork.row(good[0]).next_fire_at < timedelta(days=2)


def test_a_batch_holds_only_so_many_bytes(clockwork: Clockwork) -> None:
    made = [clockwork.add(input="x" * 1_000_000) for _ in range(20)]
    for schedule_id in made:
        clockwork.once(schedule_id)

    clockwork.fire()

    assert [clockwork.outcomes(schedule_id) for schedule_id in made] == [[("fired", None)]] * 20


def test_a_deleted_workflow_fires_nothing_more(clockwork: Clockwork) -> None:
    made = clockwork.due()
    with clockwork.app.app_context():
        workflows.delete(clockwork.place.scope, clockwork.place.workflow_id, None)

    assert clockwork.fire() == 0
    assert clockwork.place.sql("SELECT id FROM schedules WHERE id = %(id)s", id=str(made)) == []


def test_a_deleted_schedule_leaves_its_executions(clockwork: Clockwork) -> None:
    made = clockwork.add()
    clockwork.once(made)
    clockwork.fire()
    [execution] = clockwork.executions(made)
    with clockwork.app.app_context():
        schedules.delete(clockwork.place.scope, made)
        schedules.purge_deleted()
        clockwork.place.change(
            "status = 'cancelled', reason = 'requested', completed_at = now()", [execution.id]
        )
        schedules.purge_deleted()
        schedules.purge_deleted()

    assert clockwork.place.row(execution.id).schedule_id is None
    assert clockwork.place.sql("SELECT 1 FROM schedules UNION ALL SELECT 1 FROM schedule_fires") == []

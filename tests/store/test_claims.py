"""Who may own an execution: claims, leases, take-overs and hand-backs."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from app.clock import new_id
from app.states import Reason
from app.store import claims, executions, installation
from tests.store.place import Place, lock

RUNNING = "status = 'running', reason = NULL, started_at = now()"
IN_AN_HOUR = "now() + interval '1 h'"
AN_HOUR_AGO = "now() - interval '1 h'"


def lost(place: Place, most: int = 3) -> dict[UUID, str]:
    """Let one tick take over what was lost; give the status of each by id."""
    with place.transaction() as tx:
        return {row.id: row.status for row in claims.take_over_lost(tx, most, 1000)}


def flag(place: Place, execution_id: UUID) -> None:
    """Ask for a cancel."""
    with place.transaction() as tx:
        executions.cancel_many(tx, place.scope.workspace_id, [execution_id], Reason.REQUESTED, "enough")


def test_eight_racers_claim_every_execution_exactly_once(place: Place) -> None:
    ids = place.add(200)
    together = threading.Barrier(8)

    def race(number: int) -> list[UUID]:
        mine = ids[number * 25 :] + ids[: number * 25]
        together.wait()
        return [
            row.id
            for start in range(0, 200, 20)
            for row in place.claim(mine[start : start + 20], f"w{number}")
        ]

    with ThreadPoolExecutor(8) as pool:
        won = [execution_id for found in pool.map(race, range(8)) for execution_id in found]

    assert sorted(won) == sorted(ids)
    assert {(row.claim_no, row.status) for row in place.sql("SELECT claim_no, status FROM executions")} == {
        (1, "running")
    }


def test_a_claim_says_all_that_a_run_needs(place: Place) -> None:
    [execution_id] = place.add(input={"a": [1, None]}, trigger={"method": "POST"}, attempt=2)

    [row] = place.claim([execution_id], "w1", 30)

    assert (row.input, row.trigger, row.attempt) == ('{"a": [1, null]}', '{"method": "POST"}', 2)
    assert (row.claim_no, row.workflow_version, row.workflow_id) == (1, 1, place.workflow_id)
    stored = place.row(execution_id)
    assert (stored.worker, stored.reason, stored.takeovers) == ("w1", None, 0)
    assert 29 < (stored.lease_expires_at - stored.started_at).total_seconds() < 31


@pytest.mark.parametrize(
    "changes",
    [
        f"run_at = {IN_AN_HOUR}",
        "status = 'cancelled', reason = 'requested', completed_at = now()",
        "status = 'completed', reason = NULL, started_at = now(), completed_at = now()",
        f"{RUNNING}, worker = 'other', lease_expires_at = {IN_AN_HOUR}",
        f"{RUNNING}, worker = 'other', lease_expires_at = {AN_HOUR_AGO}",
        f"{RUNNING}, cancel_requested_at = now(), cancel_code = 'bulk'",
    ],
    ids=["due later", "cancelled", "ended", "another's", "another's, lease run out", "to be cancelled"],
)
def test_what_is_not_to_be_claimed_is_left_as_it_is(place: Place, changes: str) -> None:
    [execution_id] = place.add()
    place.change(changes, [execution_id])
    before = place.row(execution_id)

    claimed = place.claim([execution_id])

    assert (claimed, place.row(execution_id)) == ([], before)


def test_nothing_is_claimed_while_paused(place: Place) -> None:
    ids = place.add(3)
    with place.transaction() as tx:
        installation.set_paused(tx, True)

    assert place.claim(ids) == []

    with place.transaction() as tx:
        installation.set_paused(tx, False)
    assert len(place.claim(ids)) == 3


def test_an_unknown_id_among_others_harms_nobody(place: Place) -> None:
    ids = place.add(2)

    claimed = place.claim([ids[0], new_id(), ids[1], ids[1]])

    assert sorted(row.id for row in claimed) == ids


def test_an_ownerless_execution_goes_on_with_its_first_start(place: Place) -> None:
    [execution_id] = place.running()
    started = place.row(execution_id).started_at
    with place.transaction() as tx:
        claims.hand_back(tx, [(execution_id, 1)], "w1")

    [row] = place.claim([execution_id], "w2")

    assert (row.claim_no, row.started_at) == (2, started)
    assert place.row(execution_id).takeovers == 0


def test_only_the_owner_renews_its_lease(place: Place) -> None:
    [mine], [theirs] = place.running(lease=2), place.running(worker="w2", lease=2)
    before = {i: place.row(i).lease_expires_at for i in (mine, theirs)}

    with place.transaction() as tx:
        rows = claims.renew(tx, [mine, theirs], "w1", 60)

    assert [(row.id, row.claim_no, row.cancelled) for row in rows] == [(mine, 1, False)]
    assert place.row(mine).lease_expires_at > before[mine]
    assert place.row(theirs).lease_expires_at == before[theirs]


def test_a_renewal_tells_of_a_cancel_and_does_not_wait_for_a_locked_row(place: Place) -> None:
    [flagged, locked] = place.running(2)
    flag(place, flagged)

    with place.transaction() as holder:
        lock(holder, locked)
        with place.transaction() as tx:
            tx.exec_driver_sql("SET LOCAL lock_timeout = '1s'")
            rows = claims.renew(tx, [flagged, locked], "w1", 60)

    assert {row.id: row.cancelled for row in rows} == {flagged: True, locked: False}


def test_hand_back_frees_only_what_this_claim_owns(place: Place) -> None:
    [mine, newer] = place.running(2)
    [theirs] = place.running(worker="w2")
    place.change("claim_no = 2", [newer])

    with place.transaction() as tx:
        rows = claims.hand_back(tx, [(mine, 1), (newer, 1), (theirs, 1)], "w1")

    assert [(row.id, row.send_no) for row in rows] == [(mine, 2)]
    freed = place.row(mine)
    assert (freed.status, freed.worker, freed.lease_expires_at, freed.takeovers) == ("running", None, None, 0)
    assert [place.row(i).worker for i in (newer, theirs)] == ["w1", "w2"]


def test_takeovers_rise_only_when_a_lease_ran_out(place: Place) -> None:
    [dead, alive, waiting] = place.running(3)
    place.change(f"lease_expires_at = {AN_HOUR_AGO}", [dead])
    place.change(f"worker = NULL, lease_expires_at = NULL, wake_at = {AN_HOUR_AGO}", [waiting])

    assert lost(place) == {dead: "running"}
    assert lost(place) == {}

    assert [place.row(i).takeovers for i in (dead, alive, waiting)] == [1, 0, 0]
    freed = place.row(dead)
    assert (freed.worker, freed.reason, freed.send_no, freed.completed_at) == (None, None, 2, None)


def test_the_third_loss_fails_the_execution_as_crashed(place: Place) -> None:
    [execution_id] = place.add()
    seen = []
    for number in range(3):
        assert len(place.claim([execution_id], f"w{number}")) == 1
        place.change(f"lease_expires_at = {AN_HOUR_AGO}", [execution_id])
        seen.append(lost(place)[execution_id])

    assert seen == ["running", "running", "failed"]
    row = place.row(execution_id)
    assert (row.reason, row.takeovers, row.claim_no, row.worker) == ("crashed", 3, 3, None)
    assert "3 times" in row.error
    assert place.claim([execution_id]) == []


def test_a_lost_execution_that_was_to_be_cancelled_is_cancelled(place: Place) -> None:
    [execution_id] = place.running()
    place.sql(
        "INSERT INTO execution_steps (execution_id, step_id, workspace_id, position, type, status, attempt) "
        "VALUES (%(id)s, 'one', %(workspace)s, 0, 'http', 'running', 1)",
        id=str(execution_id),
        workspace=str(place.scope.workspace_id),
    )
    flag(place, execution_id)
    place.change(f"lease_expires_at = {AN_HOUR_AGO}, takeovers = 2", [execution_id])

    assert lost(place) == {execution_id: "cancelled"}

    row = place.row(execution_id)
    assert (row.reason, row.error, row.takeovers) == ("requested", "enough", 2)
    assert place.steps(execution_id)["one"].status == "cancelled"


def test_a_take_over_passes_by_rows_that_others_hold(place: Place) -> None:
    [held, free] = place.running(2)
    place.change(f"lease_expires_at = {AN_HOUR_AGO}", [held, free])

    with place.transaction() as holder:
        lock(holder, held)
        assert lost(place) == {free: "running"}

    assert lost(place) == {held: "running"}


def test_jobs_that_were_sent_long_ago_are_sent_again(place: Place) -> None:
    [old, young, ended, delayed] = place.add(4)
    [back] = place.running()
    place.change("sent_at = now() - interval '9 s'", [old, ended, back])
    place.change("worker = NULL, lease_expires_at = NULL", [back])
    place.change("status = 'cancelled', reason = 'requested', completed_at = now()", [ended])
    place.change(f"sent_at = NULL, send_no = 0, run_at = {IN_AN_HOUR}", [delayed])
    [then] = place.sql("SELECT now() - interval '5 s' AS at")

    with place.transaction() as tx:
        again = claims.send_again(tx, then.at, 1000)

    assert {row.id: row.send_no for row in again} == {old: 2, back: 2}
    assert place.row(young).send_no == 1
    assert (place.row(delayed).sent_at, place.row(ended).send_no) == (None, 1)
    with place.transaction() as tx:
        assert claims.send_again(tx, then.at, 1000) == []


def test_a_wait_is_not_taken_for_a_lost_job(place: Place) -> None:
    [execution_id] = place.running()
    place.change(
        f"worker = NULL, lease_expires_at = NULL, sent_at = {AN_HOUR_AGO}, wake_at = {IN_AN_HOUR}",
        [execution_id],
    )
    [row] = place.sql("SELECT now() AS at")

    with place.transaction() as tx:
        assert claims.send_again(tx, row.at, 1000) == []
        assert claims.send_due_waits(tx, 1000) == []


def test_delayed_executions_are_sent_once_when_they_are_due(place: Place) -> None:
    [soon] = place.sql(f"SELECT {IN_AN_HOUR} AS at")
    [due, later] = place.add(2, run_at=soon.at)
    place.change(f"run_at = {AN_HOUR_AGO}", [due])

    with place.transaction() as tx:
        first = claims.send_delayed(tx, 1000)
    with place.transaction() as tx:
        second = claims.send_delayed(tx, 1000)

    assert [(row.id, row.send_no) for row in first] == [(due, 1)]
    assert (second, place.row(later).sent_at) == ([], None)


def test_two_ticks_at_once_send_each_job_once(place: Place) -> None:
    place.add(300)
    place.sql("UPDATE executions SET sent_at = now() - interval '9 s'")
    [then] = place.sql("SELECT now() - interval '5 s' AS at")

    def send(_: int) -> list[UUID]:
        with place.transaction() as tx:
            return [row.id for row in claims.send_again(tx, then.at, 1000)]

    with ThreadPoolExecutor(4) as pool:
        sent = [execution_id for found in pool.map(send, range(4)) for execution_id in found]

    assert len(sent) == len(set(sent)) == 300

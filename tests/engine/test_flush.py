"""One flush: fenced, repeated when that helps, and halved until a bad change stands alone."""

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import Engine

from app.engine.change import Batch, Change, Fate
from app.engine.flush import Report
from app.states import Reason, StepStatus
from app.store import executions
from app.store.steps import LogLine
from tests.engine.changes import (
    AT,
    WORKER,
    counted_commits,
    ending,
    flusher,
    in_thread,
    key_of,
    step_row,
    taken,
    waiting_for_a_lock,
)
from tests.store.place import Place, lock

NUL = '"a\\u0000b"'


ENDED = "status = 'failed', reason = 'crashed', error = 'x', completed_at = now()"


def flag(place: Place, execution_id: UUID) -> None:
    """Ask for a cancel."""
    with place.transaction() as tx:
        executions.cancel_many(tx, place.scope.workspace_id, [execution_id], Reason.REQUESTED, "enough")


def test_many_changes_and_claims_share_one_transaction(place: Place) -> None:
    running, pending = place.running(100), place.add(100)
    batch = Batch([taken(place, i) for i in pending], [ending(place, i) for i in running])

    with counted_commits(place.engine) as commits:
        report = flusher(place.engine).write(batch)
        assert commits() == 1

    assert set(report.fates.values()) == {Fate.OURS}
    assert set(report.claimed) == set(pending)
    assert sorted(place.statuses().values()) == ["completed"] * 100 + ["running"] * 100


@pytest.mark.parametrize(
    ("bad", "word"),
    [(NUL, "unicode escape"), ("{not json", "json"), ('"\x00"', "NUL"), ('"\ud800"', "surrogate")],
    ids=["an escaped NUL", "invalid JSON", "a raw NUL", "a lone surrogate"],
)
def test_one_poisoned_change_among_a_hundred_fails_alone(place: Place, bad: str, word: str) -> None:
    ids = place.running(100)
    changes = [ending(place, i) for i in ids]
    changes[41] = ending(place, ids[41], output=bad)

    report = flusher(place.engine).write(Batch([], changes))

    statuses = place.statuses()
    assert statuses.pop(ids[41]) == "failed"
    assert set(statuses.values()) == {"completed"}
    assert set(report.fates) == set(ids)
    row, step = place.row(ids[41]), place.steps(ids[41])["one"]
    assert row.error.startswith("A result could not be stored: ")
    assert word.lower() in row.error.lower()
    assert (row.reason, row.worker, step.status, step.error) == ("step_failed", None, "failed", row.error)


def test_a_poisoned_change_does_not_disturb_claims_beside_it(place: Place) -> None:
    [running], pending = place.running(), place.add(10)

    report = flusher(place.engine).write(
        Batch([taken(place, i) for i in pending], [ending(place, running, output=NUL)])
    )

    assert set(report.claimed) == set(pending)
    assert place.row(running).status == "failed"


def test_a_poisoned_step_ends_its_execution_and_its_other_steps(place: Place) -> None:
    [execution_id] = place.running(steps_total=3)
    key = key_of(place, execution_id)
    write = flusher(place.engine).write
    write(Batch([], [Change(key, {"slow": step_row("slow", StepStatus.RUNNING, None)})]))
    next_step = replace(step_row("next", StepStatus.RUNNING, None), input=NUL)

    report = write(Batch([], [Change(key, {"one": step_row(), "next": next_step}, done=1)]))

    assert report.fates == {execution_id: Fate.LOST}  # nobody may start the effect of the step
    statuses = {step_id: row.status for step_id, row in place.steps(execution_id).items()}
    assert place.row(execution_id).status == "failed"
    assert set(statuses.values()) <= {"failed", "cancelled", "completed", "skipped"}, statuses


def test_a_poisoned_log_line_fails_its_execution_alone(place: Place) -> None:
    ids = place.running(10)
    changes = [ending(place, i) for i in ids]
    changes[3].logs.append(LogLine("one", AT, "info", "a\0b"))

    flusher(place.engine).write(Batch([], changes))

    assert list(place.statuses().values()).count("failed") == 1
    assert place.row(ids[3]).status == "failed"


def test_a_poisoned_change_that_was_cancelled_is_cancelled(place: Place) -> None:
    [execution_id] = place.running()
    flag(place, execution_id)

    flusher(place.engine).write(Batch([], [ending(place, execution_id, output=NUL)]))

    assert (place.row(execution_id).status, place.row(execution_id).error) == ("cancelled", "enough")


@pytest.mark.parametrize(
    "changes",
    [
        "worker = 'w2', claim_no = 2",
        "claim_no = 2",
        "worker = NULL, lease_expires_at = NULL, claim_no = 2",
        "worker = NULL, lease_expires_at = NULL",
        f"worker = NULL, lease_expires_at = NULL, {ENDED}",
    ],
    ids=["another's", "ours anew", "handed back", "free", "ended"],
)
def test_a_worker_that_lost_its_claim_writes_nothing(place: Place, changes: str) -> None:
    [lost, kept] = place.running(2)
    place.change(changes, [lost])
    before = place.row(lost)
    late = ending(place, lost)
    late.logs.append(LogLine("one", AT, "info", "hello"))

    report = flusher(place.engine).write(Batch([], [late, ending(place, kept)]))

    assert report.fates == {lost: Fate.LOST, kept: Fate.OURS}
    assert (place.row(lost), place.steps(lost)) == (before, {})
    assert place.sql("SELECT 1 FROM execution_step_logs") == []
    assert place.row(kept).status == "completed"


def test_an_execution_that_is_gone_is_lost(place: Place) -> None:
    [execution_id] = place.running()
    place.sql("DELETE FROM executions")

    report = flusher(place.engine).write(Batch([], [ending(place, execution_id)]))

    assert report.fates == {execution_id: Fate.LOST}


@pytest.mark.parametrize("close", ["end", "leave", "cancel"])
def test_an_accepted_cancel_wins_over_any_close(place: Place, close: str) -> None:
    [execution_id] = place.running()
    key = key_of(place, execution_id)
    write = flusher(place.engine).write
    write(Batch([], [Change(key, {"one": step_row(status=StepStatus.RUNNING, output=None)})]))
    flag(place, execution_id)
    change = ending(place, execution_id) if close == "end" else Change(key, leave=close == "leave")
    change.cancel = close == "cancel"

    report = write(Batch([], [change]))

    row = place.row(execution_id)
    assert report.fates == {execution_id: Fate.CANCELLED}
    assert (row.status, row.reason, row.error, row.output) == ("cancelled", "requested", "enough", None)
    assert place.steps(execution_id)["one"].status == ("completed" if close == "end" else "cancelled")
    assert report.handed_back == []


def test_a_change_in_mid_run_tells_of_a_cancel_and_settles_nothing(place: Place) -> None:
    [execution_id] = place.running()
    flag(place, execution_id)

    report = flusher(place.engine).write(
        Batch([], [Change(key_of(place, execution_id), {"one": step_row()}, done=1)])
    )

    assert report.fates == {execution_id: Fate.CANCELLED}
    assert (place.row(execution_id).status, place.row(execution_id).steps_done) == ("running", 1)


@pytest.mark.parametrize("end", ["pg_terminate_backend", "pg_cancel_backend"])
def test_a_flush_whose_connection_or_statement_was_ended_is_repeated(place: Place, end: str) -> None:
    [execution_id] = place.running()
    reports: list[Report] = []
    flush = flusher(place.engine)

    with place.engine.connect() as holder:
        lock(holder, execution_id)
        with in_thread(lambda: reports.append(flush.write(Batch([], [ending(place, execution_id)])))):
            place.sql(f"SELECT {end}({waiting_for_a_lock(place)})")
            waiting_for_a_lock(place)
            holder.rollback()

    assert reports[0].fates == {execution_id: Fate.OURS}
    assert (place.row(execution_id).status, place.row(execution_id).error) == ("completed", None)


def test_a_flush_that_a_deadlock_ended_is_repeated(place: Place) -> None:
    first, second = place.running(2)
    reports: list[Report] = []
    batch = Batch([], [ending(place, first), ending(place, second)])

    with place.engine.begin() as holder:
        holder.exec_driver_sql("SET LOCAL deadlock_timeout = '20s'")  # so that the flush is the victim
        lock(holder, second)
        with in_thread(lambda: reports.append(flusher(place.engine).write(batch))):
            waiting_for_a_lock(place)
            lock(holder, first)
            holder.rollback()

    assert set(reports[0].fates.values()) == {Fate.OURS}
    assert set(place.statuses().values()) == {"completed"}


def test_a_flush_that_could_not_be_serialized_is_repeated(place: Place) -> None:
    [execution_id] = place.running()
    reports: list[Report] = []
    strict: Engine = place.engine.execution_options(isolation_level="REPEATABLE READ")

    with place.engine.begin() as holder:
        holder.exec_driver_sql("UPDATE executions SET takeovers = 1")
        with in_thread(
            lambda: reports.append(flusher(strict).write(Batch([], [ending(place, execution_id)])))
        ):
            waiting_for_a_lock(place)
            holder.commit()

    assert reports[0].fates == {execution_id: Fate.OURS}
    assert (place.row(execution_id).status, place.row(execution_id).takeovers) == ("completed", 1)


def test_a_claim_whose_answer_was_lost_is_made_again_by_the_same_worker_only(place: Place) -> None:
    [execution_id] = place.running(worker=WORKER)
    batch = Batch([taken(place, execution_id)], [])

    other = flusher(place.engine, "w2").write(batch)
    same = flusher(place.engine, WORKER).write(batch)

    assert other.claimed == {}
    assert same.claimed[execution_id].claim_no == 2

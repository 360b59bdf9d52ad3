"""Bulk operations: effects and progress commit together, whoever is at them, and whatever comes between."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, Row

from app.services import bulk, bulk_batches
from app.services.bulk import Selection
from app.services.bulk_batches import Kind
from app.services.scope import Scope
from app.services.tick import PASSES
from app.states import Role, Status
from app.store import bulk_operations as store
from app.store import claims
from app.store.execution_filters import Filters
from tests.engine.changes import in_thread, waiting_for_a_lock
from tests.store.place import Place, lock

ALL = Filters(statuses=frozenset({Status.PENDING, Status.RUNNING, Status.FAILED}))
FAILED = "status = 'failed', reason = 'step_failed', error = 'No', started_at = now(), completed_at = now()"


@pytest.fixture
def begin(app: Flask, place: Place, monkeypatch: pytest.MonkeyPatch) -> Callable[..., UUID]:
    """Begin an operation and leave all of it to the tick."""

    def start(kind: Kind, ids: list[UUID] | None = None, filters: Filters | None = None) -> UUID:
        with app.app_context(), monkeypatch.context() as patch:
            patch.setattr("app.services.bulk.go_on", lambda *_: 0)
            selection = Selection(None if ids is None else tuple(ids), filters)
            return UUID(bulk.start(place.scope, kind, selection)["bulkId"])

    return start


def failed(place: Place, count: int) -> list[UUID]:
    ids = place.add(count)
    place.change(FAILED, ids)
    return ids


def row(place: Place, operation_id: UUID) -> Row[Any]:
    [found] = place.sql("SELECT * FROM bulk_operations WHERE id = %(id)s", id=str(operation_id))
    return found


def progress(place: Place, operation_id: UUID) -> tuple[str, int, int]:
    found = row(place, operation_id)
    return found.status, found.done, found.skipped


def go_on(app: Flask, seconds: float = 60) -> int:
    with app.app_context():
        return bulk_batches.go_on_with_all(seconds)


def test_the_tick_sees_operations_through(
    app: Flask, place: Place, begin: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_batches, "BATCH", {Kind.CANCEL: 3, Kind.RETRY: 2})
    pending, ended = place.add(7), failed(place, 5)
    cancel, retry = begin(Kind.CANCEL, pending), begin(Kind.RETRY, ended)
    before = progress(place, cancel), progress(place, retry)

    done = go_on(app)

    assert bulk_batches.go_on_with_all in PASSES
    assert before == (("running", 0, 0), ("running", 0, 0))
    assert done == 12
    assert progress(place, cancel) == ("completed", 7, 0)
    assert progress(place, retry) == ("completed", 5, 0)
    assert {place.row(i).status for i in pending} == {"cancelled"}
    again = place.sql("SELECT retry_of FROM executions WHERE retry_of IS NOT NULL")
    assert sorted(one.retry_of for one in again) == ended


def test_a_batch_that_dies_before_its_commit_has_neither_effect_nor_progress(
    app: Flask, place: Place, begin: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = begin(Kind.RETRY, failed(place, 3))

    with monkeypatch.context() as patch:
        patch.setattr(store, "advance", _die)
        with pytest.raises(KeyboardInterrupt):
            go_on(app)

    assert progress(place, operation) == ("running", 0, 0)
    assert place.sql("SELECT 1 FROM executions WHERE retry_of IS NOT NULL") == []
    go_on(app)
    assert progress(place, operation) == ("completed", 3, 0)
    assert len(place.sql("SELECT 1 FROM executions WHERE retry_of IS NOT NULL")) == 3


def _die(*_: Any) -> None:
    raise KeyboardInterrupt


def test_clocks_at_once_retry_each_execution_once(
    app: Flask, place: Place, begin: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_batches, "BATCH", {Kind.RETRY: 3})
    operation, ready = begin(Kind.RETRY, failed(place, 20)), threading.Barrier(4)

    def one(_: int) -> None:
        ready.wait()
        with app.app_context():
            bulk_batches.finish(operation)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(4)))

    assert progress(place, operation) == ("completed", 20, 0)
    made = [row.retry_of for row in place.sql("SELECT * FROM executions WHERE retry_of IS NOT NULL")]
    assert len(made) == len(set(made)) == 20


@pytest.mark.parametrize(
    ("meant", "code"), [({Status.PENDING}, None), ({Status.PENDING, Status.RUNNING}, "bulk"), (set(), "bulk")]
)
def test_what_begins_before_its_cancel_goes_on_where_only_pending_ones_were_meant(
    app: Flask, place: Place, begin: Callable[..., UUID], meant: set[Status], code: str | None
) -> None:
    [begins] = place.add()
    operation = begin(Kind.CANCEL, filters=Filters(statuses=frozenset(meant)))

    with place.transaction() as claim:
        claims.claim_many(claim, [begins], "w1", 30)
        with in_thread(lambda: go_on(app)):
            waiting_for_a_lock(place)
            claim.commit()

    assert place.row(begins).cancel_code == code
    assert progress(place, operation)[1:] == ((1, 0) if code else (0, 1))


def test_one_that_somebody_is_at_is_left_to_him(app: Flask, place: Place, begin: Callable[..., UUID]) -> None:
    operation = begin(Kind.CANCEL, place.add(2))

    with place.transaction() as tx:
        assert store.hold(tx, operation, None)
        assert go_on(app) == 0

    assert go_on(app) == 2


def test_a_walk_by_filters_goes_on_where_it_stopped_and_leaves_what_came_later(
    app: Flask, place: Place, begin: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST_COUNTED", 4)
    monkeypatch.setattr(bulk_batches, "BATCH", {Kind.CANCEL: 3})
    pending, running, ended = place.add(5), place.running(2), failed(place, 2)
    operation = begin(Kind.CANCEL, filters=ALL)
    later = place.add(3)

    first = go_on(app, 0), progress(place, operation)
    go_on(app)

    assert (row(place, operation).matched, row(place, operation).ids) == (4, None)
    assert first == (3, ("running", 3, 0))
    assert progress(place, operation) == ("completed", 7, 2)
    assert {place.row(i).status for i in pending} == {"cancelled"}
    assert {place.row(i).cancel_code for i in running} == {"bulk"}
    assert {place.row(i).status for i in [*later, *ended]} == {"pending", "failed"}


def test_filters_are_kept_as_they_were_given(
    app: Flask, place: Place, begin: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST_COUNTED", 0)
    [at] = place.sql("SELECT now() AS now, now() - interval '1 day' AS before")
    mine = place.row(place.add(tags=("a",))[0])
    wanted = Filters(
        statuses=frozenset({Status.PENDING}),
        workflow_id=mine.workflow_id,
        triggered_by=mine.triggered_by,
        created_after=at.before,
        created_before=at.now,
        tag="a",
        q=str(mine.id),
    )
    operation = begin(Kind.CANCEL, filters=Filters())
    place.change("created_at = now() - interval '1 hour'", [mine.id])

    with place.transaction() as tx:
        new = store.NewOperation(mine.id, bulk._place(place.scope), "cancel", 0, None, wanted, at.now)
        store.create(tx, new)
        kept = store.filters_of(store.state(tx, mine.id).filters)

    assert kept == wanted
    assert store.filters_of(row(place, operation).filters) == Filters()


def test_an_execution_that_cannot_be_made_is_skipped_alone(
    app: Flask, place: Place, begin: Callable[..., UUID]
) -> None:
    ids = failed(place, 5)
    place.change("attempt = 32767", ids[2:3])
    operation = begin(Kind.RETRY, ids)

    go_on(app)

    assert progress(place, operation) == ("completed", 4, 1)


def test_an_operation_that_the_database_cannot_do_now_lets_the_others_go_first(
    app: Flask, place: Place, begin: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    held, free = place.add(2)
    first, second = begin(Kind.CANCEL, [held]), begin(Kind.CANCEL, [free])
    hold = store.hold

    def hold_shortly(tx: Connection, *given: Any) -> bool:
        tx.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
        return hold(tx, *given)

    monkeypatch.setattr(store, "hold", hold_shortly)
    with place.transaction() as tx:
        lock(tx, held)
        go_on(app, 0.5)
        states = progress(place, first)[0], progress(place, second)[0]
    go_on(app)

    assert states == ("running", "completed")
    assert progress(place, first) == ("completed", 1, 0)


def test_a_deleted_space_ends_what_was_asked_for_in_it(
    app: Flask, place: Place, begin: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST_COUNTED", 1)
    ids = place.add(3)
    operation = begin(Kind.CANCEL, filters=Filters())
    place.sql("UPDATE spaces SET deleted_at = now()")
    place.sql("UPDATE executions SET space_id = NULL")

    go_on(app)

    assert progress(place, operation) == ("completed", 0, 0)
    assert {place.row(i).status for i in ids} == {"pending"}


def test_over_the_workspace_all_spaces_are_meant(app: Flask, place: Place) -> None:
    ids = place.add(2) + place.add(1, space_id=None)
    whole = Scope(place.scope.workspace_id, Role.OPERATOR)

    with app.app_context():
        begun = bulk.start(whole, Kind.CANCEL, Selection(None, Filters()))
        bulk_batches.finish(UUID(begun["bulkId"]))

    assert begun["matched"] == 3
    assert {place.row(i).status for i in ids} == {"cancelled"}

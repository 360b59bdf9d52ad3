"""Retention: what ended longer ago than its workspace keeps it goes, with all that belongs to it."""

from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app.clock import new_id
from app.services import retention
from app.services.tick import PASSES, tick
from tests.services.clockwork import Clockwork
from tests.store.place import Place

ENDED = "status = 'failed', reason = 'step_failed', error = 'No'"
COUNTED = (
    "executions",
    "execution_steps",
    "execution_step_items",
    "execution_step_logs",
    "execution_signals",
)


@pytest.fixture(autouse=True)
def _not_resting(app: Flask) -> None:
    app.extensions.pop(retention.RESTING, None)


def ended(place: Place, days: float, count: int = 1) -> list[UUID]:
    """Make executions that ended some days ago."""
    ids = place.add(count)
    at = f"now() - interval '{days} days'"
    place.change(f"{ENDED}, created_at = {at}, started_at = {at}, completed_at = {at}", ids)
    return ids


def add_leaves(place: Place, execution_id: UUID, count: int) -> None:
    """Give an execution a step with items, log lines and a signal."""
    given = {"id": str(execution_id), "workspace": str(place.scope.workspace_id), "count": count}
    place.sql(
        """
        INSERT INTO execution_steps (execution_id, step_id, workspace_id, position, type, status, attempt,
          completed_at) VALUES (%(id)s, 'one', %(workspace)s, 0, 'transform', 'completed', 1, now());
        INSERT INTO execution_step_items (execution_id, step_id, index, status, attempt)
          SELECT %(id)s, 'one', i, 'completed', 1 FROM generate_series(1, %(count)s) i;
        INSERT INTO execution_step_logs (execution_id, step_id, at, level, message)
          SELECT %(id)s, 'one', now(), 'info', 'x' FROM generate_series(1, %(count)s);
        INSERT INTO execution_signals (execution_id, step_id, payload) VALUES (%(id)s, 'one', '1')
        """,
        **given,
    )


def keep(place: Place, days: int) -> None:
    place.sql("UPDATE workspaces SET retention_days = %(days)s", days=days)


def prune(app: Flask) -> dict[str, int]:
    with app.app_context():
        return retention.prune()


def left(place: Place) -> set[UUID]:
    return {row.id for row in place.sql("SELECT id FROM executions")}


def counts(place: Place) -> list[int]:
    return [place.sql(f"SELECT count(*) AS found FROM {table}")[0].found for table in COUNTED]


def test_old_executions_go_with_their_steps_items_logs_and_signals(app: Flask, place: Place) -> None:
    [old], [young] = ended(place, 31), ended(place, 29)
    add_leaves(place, old, 7)
    add_leaves(place, young, 2)

    gone = prune(app)

    assert gone == {"executions": 1, "itemsAndLogs": 14}
    assert (left(place), counts(place)) == ({young}, [1, 1, 2, 2, 1])


def test_what_has_not_ended_stays_however_old(app: Flask, place: Place) -> None:
    ids = place.add() + place.running()
    place.change("created_at = now() - interval '400 days'", ids)

    assert prune(app) == {}
    assert left(place) == set(ids)


def test_each_workspace_keeps_as_long_as_it_says(app: Flask, place: Place) -> None:
    keep(place, 7)
    other = place.sql("INSERT INTO workspaces (id, name) VALUES (%(id)s, 'Globex') RETURNING id", id=new_id())
    [mine, theirs] = ended(place, 10, 2)
    place.sql(
        "SET session_replication_role = replica;"
        " UPDATE executions SET workspace_id = %(to)s WHERE id = %(id)s",
        to=str(other[0].id),
        id=str(theirs),
    )

    assert prune(app) == {"executions": 1}
    assert (mine in left(place), left(place)) == (False, {theirs})


def test_what_names_an_old_execution_forgets_it(app: Flask, place: Place, clockwork: Clockwork) -> None:
    [old] = ended(place, 31)
    [retried, child] = place.add(1, retry_of=old) + place.add(1, parent_id=old, parent_step="one")
    schedule = clockwork.due()
    clockwork.fire()
    place.sql("UPDATE schedule_fires SET execution_id = %(id)s", id=str(old))

    prune(app)

    assert (place.row(retried).retry_of, place.row(child).parent_id) == (None, None)
    assert {fire.execution_id for fire in clockwork.fires(schedule)} == {None}


def test_old_fires_and_bulk_operations_go(app: Flask, place: Place, clockwork: Clockwork) -> None:
    schedule = clockwork.due()
    clockwork.fire()
    fire = clockwork.fires(schedule)[0]
    spans: list[tuple[str, Any]] = [("31 days", None), ("40 days", "20 days"), ("50 days", "35 days")]
    for ago, until in spans:
        place.sql(
            "INSERT INTO schedule_fires (id, schedule_id, scheduled_for, until, outcome, count)"
            " VALUES (%(id)s, %(schedule)s, now() - %(ago)s::interval, now() - %(until)s::interval,"
            " 'missed', 2)",
            id=str(new_id()),
            schedule=str(schedule),
            ago=ago,
            until=until,
        )
    for ago in ("31 days", "29 days", None):
        place.sql(
            "INSERT INTO bulk_operations"
            " (id, workspace_id, kind, ids, filters, matched, status, completed_at) VALUES"
            " (%(id)s, %(workspace)s, 'cancel', '{}', '{}', 0, %(status)s, now() - %(ago)s::interval)",
            id=str(new_id()),
            workspace=str(place.scope.workspace_id),
            status="completed" if ago else "running",
            ago=ago,
        )

    gone = prune(app)

    assert gone == {"scheduleFires": 2, "bulkOperations": 1}
    assert [row.until is not None for row in clockwork.fires(schedule)][:1] == [True]
    assert fire.id in {row.id for row in clockwork.fires(schedule)}


def test_the_tick_deletes_in_batches_until_its_time_is_up(
    app: Flask, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    monkeypatch.setattr(retention, "MOST_LEAVES", 2)
    monkeypatch.setattr(retention, "TICK_SECONDS", 0)
    for execution_id in ended(place, 32, 2):
        add_leaves(place, execution_id, 3)
    ended(place, 31, 6)

    with app.app_context():
        first = retention.delete_old()
        rounds = 1
        while left(place) and rounds < 50:
            retention.delete_old()
            rounds += 1

    assert retention.delete_old in PASSES
    assert (first, counts(place)) == (4, [0, 0, 0, 0, 0])
    assert rounds > 4


def test_where_nothing_is_old_the_tick_looks_again_only_after_a_while(
    app: Flask, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        retention.delete_old()
        [old] = ended(place, 31)
        retention.delete_old()
        assert old in left(place)
        app.extensions[retention.RESTING] = 0.0
        tick()

    assert left(place) == set()


def test_what_somebody_holds_is_left_for_later(app: Flask, place: Place) -> None:
    [held, free] = ended(place, 31, 2)

    with place.transaction() as tx:
        tx.exec_driver_sql("SELECT 1 FROM executions WHERE id = %(id)s FOR UPDATE", {"id": str(held)})
        prune(app)
        assert left(place) == {held}
    prune(app)

    assert (free in left(place), left(place)) == (False, set())


def test_a_workspace_that_keeps_beyond_all_time_does_not_stop_the_others(app: Flask, place: Place) -> None:
    keep(place, 1_000_000_000)
    kept = ended(place, 400)

    gone = prune(app)

    assert gone == {}
    assert left(place) == set(kept)

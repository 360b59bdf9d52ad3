"""What woke and found no place, in its workspace or in its workflow: it comes first, and stops nobody."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask

from app.store import claims, flushes, quotas
from app.store.flushes import Suspension
from tests.store.place import Place, end, limit, new_workflow


@pytest.fixture
def narrow(app: Flask, place: Place) -> UUID:
    """Give a workflow with one place."""
    made = new_workflow(app, place.scope)
    place.sql("UPDATE workflows SET max_concurrency = 1 WHERE id = %(id)s", id=str(made))
    return made


def suspend(place: Place, ids: list[UUID], until: datetime | None = None) -> None:
    """Let running executions wait."""
    with place.transaction() as tx:
        flushes.suspend(tx, "w1", [(i, place.row(i).claim_no, Suspension(until, None)) for i in ids])


def put_off(place: Place, workflow_id: UUID, count: int) -> tuple[UUID, list[UUID]]:
    """Let `count` executions wake while another one takes the only place of their workflow or workspace."""
    woken = []
    for _ in range(count):
        woken += place.running(workflow_id=workflow_id)
        suspend(place, woken[-1:])
    [busy] = place.running(workflow_id=workflow_id)
    place.change("wake_at = now() - interval '1 second', sent_at = now()", woken)
    assert place.claim(woken) == []
    return busy, woken


def released(place: Place) -> list[UUID]:
    """Release what waits for a place; give the ids in order."""
    with place.transaction() as tx:
        return [row.id for row in quotas.release(tx, [place.scope.workspace_id])]


def test_what_woke_is_not_sent_while_its_own_workflow_is_full(place: Place, narrow: UUID) -> None:
    limit(place, max_concurrent_executions=10)
    busy, woken = put_off(place, narrow, 2)

    assert released(place) == []
    end(place, [busy])
    assert released(place) == woken[:1]


def test_what_woke_leaves_the_places_that_it_cannot_take_to_others(place: Place, narrow: UUID) -> None:
    limit(place, max_concurrent_executions=4)
    put_off(place, narrow, 3)
    others = place.running(3)
    held = place.add(2)

    end(place, others)

    assert released(place) == held


def test_what_woke_and_what_is_held_share_the_places_of_their_workflow(place: Place, narrow: UUID) -> None:
    limit(place, max_concurrent_executions=10)
    busy, [woken] = put_off(place, narrow, 1)
    held = place.add(3, workflow_id=narrow)
    end(place, [busy])

    assert released(place) == [woken]
    assert [place.row(i).reason for i in held] == ["concurrency"] * 3


def test_a_newcomer_does_not_pass_what_woke_and_was_put_off(place: Place) -> None:
    limit(place, max_concurrent_executions=1)
    busy, woken = put_off(place, place.workflow_id, 1)
    end(place, [busy])  # nobody has filled the place yet

    [newcomer] = place.add()

    assert place.row(newcomer).reason == "concurrency"
    assert released(place) == woken


def test_an_old_ticket_does_not_bring_what_is_held_past_the_others(place: Place) -> None:
    limit(place, max_concurrent_executions=1)
    [running] = place.running()
    older, younger = place.add(2)
    end(place, [running])

    claimed = place.claim([younger])

    assert claimed == []
    assert released(place) == [older]


def test_what_is_due_later_goes_to_its_place_in_the_line_when_its_time_has_come(place: Place) -> None:
    limit(place, max_concurrent_executions=1)
    [running] = place.running()
    held = place.add(2)
    [late] = place.add(run_at=datetime.now(UTC) + timedelta(hours=1))
    end(place, [running])  # nobody has filled the place yet
    place.change("run_at = now() - interval '1 second'", [late])

    with place.transaction() as tx:
        sent = claims.send_delayed(tx, 10)

    assert [row.id for row in sent] == held[:1]
    assert place.row(late).reason == "concurrency"


def test_what_waits_for_its_time_is_not_taken_for_put_off(place: Place) -> None:
    limit(place, max_concurrent_executions=1)
    [waiting] = place.running()
    suspend(place, [waiting], datetime.now(UTC) + timedelta(hours=1))

    assert released(place) == []
    with place.transaction() as tx:
        assert claims.send_due_waits(tx, 10) == []

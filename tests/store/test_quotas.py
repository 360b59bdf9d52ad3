"""Quotas by rows: who is held, who is claimed, who is released, in order and without a leak."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from flask import Flask
from sqlalchemy import event

from app.settings import Settings
from app.store import claims, flushes, quotas
from app.store.flushes import Suspension
from tests.store.place import Place, end, limit, new_workflow, placed


def limit_workflow(place: Place, workflow_id: UUID, most: int) -> None:
    """Set a workflow's maxConcurrency."""
    place.sql(
        "UPDATE workflows SET max_concurrency = %(most)s WHERE id = %(id)s", id=str(workflow_id), most=most
    )


def reasons(place: Place, ids: list[UUID]) -> list[str | None]:
    """Give the stored reasons of executions."""
    return [place.row(i).reason for i in ids]


def wait(place: Place, ids: list[UUID]) -> None:
    """Suspend running executions until a time that has come."""
    with place.transaction() as tx:
        flushes.suspend(tx, "w1", [(i, place.row(i).claim_no, Suspension(None, None)) for i in ids])
    place.change("wake_at = now() - interval '1 second', sent_at = now()", ids)


def released(place: Place) -> list[UUID]:
    """Release what is held; give the ids in order."""
    with place.transaction() as tx:
        return [row.id for row in quotas.release(tx, [place.scope.workspace_id])]


def test_what_finds_no_place_is_held_and_not_sent(place: Place) -> None:
    limit(place, max_concurrent_executions=2)

    ids = place.add(4)

    assert reasons(place, ids) == ["queued", "queued", "concurrency", "concurrency"]
    assert [place.row(i).sent_at is None for i in ids] == [False, False, True, True]


def test_a_later_one_is_held_while_earlier_ones_are_queued_or_at_work(place: Place) -> None:
    limit(place, max_concurrent_executions=2)
    place.running()
    place.add()

    [later] = place.add()

    assert reasons(place, [later]) == ["concurrency"]


def test_a_claim_takes_no_more_than_there_are_places_and_holds_the_rest(place: Place) -> None:
    ids = place.add(5)
    limit(place, max_concurrent_executions=2)

    claimed = place.claim(ids)

    assert [row.id for row in claimed] == ids[:2]
    assert reasons(place, ids[2:]) == ["concurrency"] * 3


def test_claims_at_once_never_pass_the_limit_together(place: Place) -> None:
    ids = place.add(80)
    limit(place, max_concurrent_executions=10)
    ready = threading.Barrier(8)

    def claim(number: int) -> int:
        ready.wait()
        return len(place.claim(ids[number * 10 : number * 10 + 10], f"w{number}"))

    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(claim, range(8)))

    assert sum(claimed) == 10
    assert list(place.statuses().values()).count("running") == 10


def test_the_oldest_held_follow_as_places_become_free(place: Place) -> None:
    limit(place, max_concurrent_executions=2)
    ids = place.add(5)
    place.claim(ids[:2])
    end(place, ids[:1])

    first = released(place)
    again = released(place)

    assert (first, again) == (ids[2:3], [])
    assert [place.row(ids[2]).send_no, place.row(ids[2]).reason] == [1, "queued"]


def test_a_newcomer_does_not_take_a_free_place_from_those_who_came_first(app: Flask, place: Place) -> None:
    limit(place, max_concurrent_executions=2)
    ids = place.add(4)
    place.claim(ids[:2])
    end(place, ids[:2])  # nobody has filled the places yet

    same = place.add()
    other = place.add(workflow_id=new_workflow(app, place.scope))

    assert reasons(place, same + other) == ["concurrency"] * 2
    assert released(place) == ids[2:]


def test_a_newcomer_does_not_take_a_place_that_is_filled_while_it_looks(place: Place) -> None:
    limit(place, max_concurrent_executions=1)
    [running] = place.running()
    [held] = place.add()
    end(place, [running])
    filled: list[UUID] = []

    def fill(_: object, __: object, statement: str, *___: object) -> None:
        if statement == quotas.PLACES_LEFT and not filled:
            filled.extend(released(place))

    event.listen(place.engine, "before_cursor_execute", fill)
    [newcomer] = place.add()
    event.remove(place.engine, "before_cursor_execute", fill)

    assert filled == [held]
    assert reasons(place, [newcomer]) == ["concurrency"]


def test_a_newcomer_passes_those_who_wait_for_their_own_workflow(app: Flask, place: Place) -> None:
    narrow = new_workflow(app, place.scope)
    limit_workflow(place, narrow, 1)
    limit(place, max_concurrent_executions=2)
    running, held = place.add(2, workflow_id=narrow)
    place.claim([running])

    [free] = place.add()
    assert reasons(place, [held, free]) == ["concurrency", "queued"]

    place.claim([free])
    end(place, [running, free])
    [late] = place.add()
    assert reasons(place, [late]) == ["concurrency"]
    assert released(place) == [held, late]


def test_those_who_begin_together_begin_at_one_time(place: Place) -> None:
    ids = place.add(50)

    place.claim(ids)

    assert len({place.row(i).started_at for i in ids}) == 1


def test_what_waits_takes_no_place_and_goes_before_what_is_pending_when_it_wakes(place: Place) -> None:
    limit(place, max_concurrent_executions=1)
    waiting, second, third = place.add(3)
    place.claim([waiting])
    wait(place, [waiting])
    assert released(place) == [second]
    place.claim([second])

    assert place.claim([waiting]) == []
    end(place, [second])

    assert released(place) == [waiting]
    assert [row.id for row in place.claim([waiting])] == [waiting]
    assert reasons(place, [third]) == ["concurrency"]


def test_what_was_handed_back_needs_no_new_place(place: Place) -> None:
    limit(place, max_concurrent_executions=1)
    [execution_id] = place.running()
    with place.transaction() as tx:
        claims.hand_back(tx, [(execution_id, 1)], "w1")

    claimed = place.claim([execution_id], "w2")

    assert [row.id for row in claimed] == [execution_id]


def test_a_workflow_with_a_limit_is_held_alone(app: Flask, place: Place) -> None:
    narrow = new_workflow(app, place.scope)
    limit_workflow(place, narrow, 1)
    limit(place, max_concurrent_executions=3)

    held = place.add(4, workflow_id=narrow)
    free = place.add(2)

    assert reasons(place, held) == ["queued", "concurrency", "concurrency", "concurrency"]
    assert reasons(place, free) == ["queued", "queued"]


def test_the_held_of_a_narrow_workflow_do_not_stand_in_the_way_of_others(app: Flask, place: Place) -> None:
    narrow = new_workflow(app, place.scope)
    limit_workflow(place, narrow, 1)
    limit(place, max_concurrent_executions=2)
    narrows, others = place.add(3, workflow_id=narrow), place.add(3)
    place.claim([narrows[0], others[0]])

    end(place, [others[0]])

    assert released(place) == [others[1]]
    end(place, [narrows[0]])
    assert released(place) == [narrows[1]]


def test_a_claim_keeps_to_the_limit_of_a_workflow(app: Flask, place: Place) -> None:
    narrow = new_workflow(app, place.scope)
    ids = place.add(3, workflow_id=narrow)
    limit_workflow(place, narrow, 1)

    claimed = place.claim(ids)

    assert [row.id for row in claimed] == ids[:1]
    assert reasons(place, ids[1:]) == ["concurrency", "concurrency"]


def test_a_neighbour_is_not_held(app: Flask, place: Place, settings: Settings) -> None:
    limit(place, max_concurrent_executions=1)
    place.add(3)

    with placed(app, settings) as neighbour:
        theirs = neighbour.add(2)
        assert reasons(neighbour, theirs) == ["queued", "queued"]
        with place.transaction() as tx:
            crowded = quotas.all_crowded(tx)
        assert place.scope.workspace_id in crowded
        assert neighbour.scope.workspace_id not in crowded

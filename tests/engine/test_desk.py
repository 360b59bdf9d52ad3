"""The desk: one walk an execution, however often its job comes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from flask import Flask

from app.engine.desk import Desk
from app.settings import Settings
from tests.engine.changes import taken
from tests.journeys.traveller import call
from tests.journeys.upstream import serving
from tests.store.place import Place, new_workflow

Cleaned = list[str]


def at_desk(place: Place, settings: Settings, work: Callable[[Desk], Awaitable[None]]) -> Cleaned:
    """Work with a desk, then stop it; give the jobs that it let go of."""
    own, over = replace(settings, http_allow_hosts=("127.0.0.1",)), Cleaned()

    async def run() -> None:
        desk = Desk(own, place.engine, "w1", lambda _, jobs: over.extend(jobs))
        keeper = asyncio.create_task(desk.keep_leases())
        async with asyncio.timeout(60):
            await work(desk)
            await desk.wait_until_quiet()
        keeper.cancel()
        await desk.stop(0)
        assert desk.room == 0

    asyncio.run(run())
    return over


def test_a_doubled_job_runs_its_execution_once(app: Flask, place: Place, settings: Settings) -> None:
    with serving() as upstream:
        workflow_id = new_workflow(
            app, place.scope, {"steps": [call("one", f"{upstream.url}/once?wait=0.3")]}
        )
        ids = place.add(5, workflow_id=workflow_id)

        async def work(desk: Desk) -> None:
            desk.take([taken(place, i, number) for i in ids for number in (1, 2)])
            await asyncio.sleep(0)
            desk.take([taken(place, i, 3) for i in ids])
            while not upstream.keys_of("/once"):
                await asyncio.sleep(0.01)
            desk.take([taken(place, i, 4) for i in ids])

        over = at_desk(place, settings, work)

    assert sorted(upstream.keys_of("/once")) == sorted(f"{i}:one" for i in ids)
    assert {(row.status, row.claim_no) for row in map(place.row, ids)} == {("completed", 1)}
    assert sorted(over) == sorted(f"{i}-{number}" for i in ids for number in (1, 2, 3, 4))


def test_an_execution_that_was_given_up_may_come_back(app: Flask, place: Place, settings: Settings) -> None:
    with serving() as upstream:
        workflow_id = new_workflow(
            app, place.scope, {"steps": [call("one", f"{upstream.url}/slow?wait=1.5")]}
        )
        [execution_id] = place.add(workflow_id=workflow_id)

        async def work(desk: Desk) -> None:
            desk.take([taken(place, execution_id)])
            while not upstream.keys_of("/slow"):
                await asyncio.sleep(0.01)
            place.change("worker = NULL, lease_expires_at = NULL", [execution_id])
            await desk.wait_until_quiet()  # the next look at the leases tells that it is not ours any more
            desk.take([taken(place, execution_id, 2)])

        at_desk(place, settings, work)

    assert len(upstream.keys_of("/slow")) == 2
    assert (place.row(execution_id).status, place.row(execution_id).claim_no) == ("completed", 2)


def test_a_desk_whose_claims_do_not_get_through_takes_no_more(place: Place, settings: Settings) -> None:
    first, second = place.add(2)

    async def work(desk: Desk) -> None:
        with place.transaction() as other:
            other.exec_driver_sql("LOCK TABLE executions IN ACCESS EXCLUSIVE MODE")
            desk.take([taken(place, first)])
            while desk.room:
                await asyncio.sleep(0.05)
        while not desk.room:
            await asyncio.sleep(0.05)
        desk.take([taken(place, second)])

    at_desk(place, settings, work)

    assert {place.row(first).status, place.row(second).status} == {"completed"}


def test_what_was_claimed_ahead_in_vain_is_handed_back_for_another_worker(
    app: Flask, place: Place, settings: Settings
) -> None:
    with serving() as upstream:
        slow = new_workflow(app, place.scope, {"steps": [call("one", f"{upstream.url}/slow?after=/over")]})
        quick, ids = place.add(3), place.add(3, workflow_id=slow)

        async def work(desk: Desk) -> None:
            for i in quick:
                desk.take([taken(place, i)])
                await desk.wait_until_quiet()
            assert desk.room == 4
            desk.take([taken(place, i) for i in ids])
            while all(place.row(i).send_no == 1 for i in ids):
                await asyncio.sleep(0.05)
            upstream.come("/over", "")

        at_desk(place, replace(settings, worker_concurrency=2), work)

    assert len(upstream.keys_of("/slow")) == 2
    assert sorted((place.row(i).status, place.row(i).send_no) for i in ids) == [
        ("completed", 1),
        ("completed", 1),
        ("running", 2),
    ]

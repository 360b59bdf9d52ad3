"""Suspects begin one at a time, and nothing begins on a lease that may have run out."""

import asyncio
import time
from uuid import UUID, uuid4

import pytest

from app.engine import probation as module
from app.engine.change import Key
from app.engine.leases import Leases
from app.engine.probation import Probation
from app.store import claims
from app.store.claims import Suspects
from tests.store.place import Place, lock


def test_another_suspect_begins_once_the_first_has_left() -> None:
    probation, first = Probation(3), uuid4()

    probation.begin(first)
    busy = probation.free
    probation.end(uuid4())
    still = probation.free
    probation.end(first)

    assert (busy, still, probation.free) == (False, False, True)


def test_a_suspect_that_kills_nobody_for_a_while_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.0)
    probation = Probation(3)

    probation.begin(uuid4())
    time.sleep(0.01)

    assert probation.free


@pytest.mark.parametrize(("most", "suspected_from"), [(3, 2), (2, 1), (1, 1)])
def test_who_would_be_given_up_after_the_next_loss_is_a_suspect(most: int, suspected_from: int) -> None:
    assert Probation(most).from_takeovers == suspected_from


@pytest.mark.parametrize("places", [0, 1])
def test_a_claim_takes_no_more_suspects_than_may_begin(place: Place, places: int) -> None:
    ids = place.add(4)
    place.change("takeovers = 2, status = 'running', reason = NULL, started_at = now()", ids[:3])

    with place.transaction() as tx:
        claimed = claims.claim_many(tx, ids, "w1", 30, Suspects(2, places))

    assert sorted(row.id for row in claimed) == sorted([*ids[:places], ids[3]])
    assert [row.suspect for row in sorted(claimed, key=lambda row: row.id)] == [True] * places + [False]


class Holder:
    """Somebody who holds executions."""

    def __init__(self, keys: list[Key]) -> None:
        self.keys = keys
        self.gone: list[UUID] = []
        self.looks = 0

    def held(self) -> list[Key]:
        return self.keys

    def lost(self, key: Key) -> None:
        self.gone.append(key.id)

    def cancelled(self, key: Key) -> None:
        self.gone.append(key.id)

    def looked(self) -> None:
        self.looks += 1


def test_after_a_freeze_nothing_is_sure_until_the_database_has_been_asked(place: Place) -> None:
    ours, theirs = place.running(2)
    place.change("worker = 'another'", [theirs])

    async def work() -> tuple[bool, bool, bool, list[UUID]]:
        holder = Holder([Key(i, place.scope.workspace_id, 1, None) for i in (ours, theirs)])
        leases = Leases(place.engine, "w1", 2, holder)
        fresh = leases.sure
        time.sleep(2.1)
        frozen = leases.sure
        keeper = asyncio.create_task(leases.keep())
        async with asyncio.timeout(60):
            while not leases.sure:
                await asyncio.sleep(0.02)
        keeper.cancel()
        leases.close()
        return fresh, frozen, leases.sure, holder.gone

    assert asyncio.run(work()) == (True, False, True, [theirs])


def test_what_somebody_holds_while_its_lease_is_over_is_not_lost_and_not_sure(place: Place) -> None:
    [ours] = place.running()
    place.change("lease_expires_at = now() - interval '1 s'", [ours])

    async def work() -> tuple[bool, list[UUID]]:
        holder = Holder([Key(ours, place.scope.workspace_id, 1, None)])
        leases = Leases(place.engine, "w1", 2, holder)
        time.sleep(2.1)
        with place.transaction() as other:
            lock(other, ours)
            keeper = asyncio.create_task(leases.keep())
            while holder.looks < 3:
                await asyncio.sleep(0.02)
            held_up = leases.sure
        async with asyncio.timeout(60):
            while not leases.sure:
                await asyncio.sleep(0.02)
        keeper.cancel()
        leases.close()
        return held_up, holder.gone

    assert asyncio.run(work()) == (False, [])

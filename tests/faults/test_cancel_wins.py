"""An accepted cancel wins over every later end, however close the race."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest

from app.states import Reason, Status
from app.store import executions, flushes
from app.store.flushes import Settlement
from tests.store.place import Place

pytestmark = pytest.mark.faults

TRIES, GROUP = 3000, 20


def mixed(ids: list[UUID], dice: random.Random) -> list[list[UUID]]:
    """Cut ids into groups, the ids of each in any order."""
    found = [ids[start : start + GROUP] for start in range(0, len(ids), GROUP)]
    return [dice.sample(group, len(group)) for group in found]


def test_an_accepted_cancel_always_wins_over_a_later_end(place: Place) -> None:
    place.sql("UPDATE workspaces SET max_concurrent_executions = 100000")
    ids = place.running(TRIES)
    end = Settlement(Status.COMPLETED, output="1")

    def cancel(some: list[UUID]) -> set[UUID]:
        with place.transaction() as tx:
            rows = executions.cancel_many(tx, place.scope.workspace_id, some, Reason.REQUESTED, None)
        return {row.id for row in rows}

    def settle(some: list[UUID]) -> None:
        with place.transaction() as tx:
            locked = flushes.lock(tx, some)
            flushes.settle(tx, "w1", [(i, 1, end, 1) for i in some if locked[i].worker == "w1"])
            flushes.settle_cancelled(tx, "w1", some)

    def race(some: list[UUID], seed: int) -> set[UUID]:
        dice, together = random.Random(seed), Barrier(2)
        pauses = [max(0.0, dice.uniform(-0.003, 0.003)) for _ in range(2)]

        def late_cancel() -> set[UUID]:
            together.wait(30)
            time.sleep(pauses[0])
            return cancel(some)

        with ThreadPoolExecutor(1) as caller:
            cancelled = caller.submit(late_cancel)
            together.wait(30)
            time.sleep(pauses[1])
            settle(some)
            return cancelled.result()

    with ThreadPoolExecutor(4) as racers:
        races = [racers.submit(race, some, seed) for seed, some in enumerate(mixed(ids, random.Random(1)))]
        accepted = set().union(*(one.result() for one in races))
    with place.transaction() as tx:
        flushes.settle_cancelled(tx, "w1", ids)  # the owner's next look at its flags

    statuses = place.statuses()
    assert {statuses[i] for i in accepted} == {"cancelled"}
    assert {statuses[i] for i in ids if i not in accepted} == {"completed"}
    assert 0 < len(accepted) < TRIES

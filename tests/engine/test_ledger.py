"""The ledger: what gathers is written together, and everybody hears what became of it."""

import asyncio
from collections import Counter
from uuid import UUID

from sqlalchemy import Engine

from app.engine.change import Batch, Fate, Key
from app.engine.flush import Flusher, Report
from app.engine.ledger import Ledger
from app.engine.probation import Probation
from app.states import Reason, StepStatus
from app.store import executions
from tests.engine.changes import WORKER, counted_commits, key_of, step_row, taken, waiting_for_a_lock
from tests.engine.listener import DONE, with_ledger
from tests.store.place import Place, lock


class Watched(Flusher):
    """A flusher that remembers which executions were in two flushes at the same time."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, WORKER, 30, lambda: False, Probation(3))
        self.in_flight: Counter[UUID] = Counter()
        self.overlaps: list[UUID] = []
        self.sizes: list[int] = []
        self.most_at_once = 0

    def write(self, batch: Batch) -> Report:
        self.sizes.append(len(batch))
        self.in_flight.update(batch.ids())
        self.overlaps += [i for i in batch.ids() if self.in_flight[i] > 1]
        self.most_at_once = max(self.most_at_once, len(+self.in_flight))
        try:
            return super().write(batch)
        finally:
            self.in_flight.subtract(batch.ids())


def test_what_gathers_shares_few_commits(place: Place) -> None:
    ids = place.running(1000)
    keys = [key_of(place, i) for i in ids]

    async def work(ledger: Ledger) -> None:
        for key in keys:
            ledger.write_step(key, step_row(), 1)
            ledger.settle(key, DONE, 1)

    with counted_commits(place.engine) as commits:
        told = with_ledger(place, work)
        assert commits() == 5  # of two hundred each

    assert sorted(told.ends) == sorted(ids)
    assert set(place.statuses().values()) == {"completed"}
    assert sorted(told.over) == sorted(key.job_id or "" for key in keys)


def test_a_change_alone_is_durable_at_once(place: Place) -> None:
    [execution_id] = place.running()
    key = key_of(place, execution_id)
    fates = []

    async def work(ledger: Ledger) -> None:
        ledger.write_step(key, step_row(status=StepStatus.RUNNING, output=None))
        fates.append(await asyncio.wait_for(ledger.durable(key), 30))
        assert place.steps(execution_id)["one"].status == "running"

    with_ledger(place, work)

    assert fates == [Fate.OURS]


def test_only_the_latest_state_of_a_step_is_written(place: Place) -> None:
    [execution_id] = place.running()
    key = key_of(place, execution_id)

    async def work(ledger: Ledger) -> None:
        ledger.write_step(key, step_row(status=StepStatus.RUNNING, output=None))
        ledger.write_step(key, step_row(output='"last"'), 1)

    with counted_commits(place.engine) as commits:
        with_ledger(place, work)
        assert commits() == 1

    assert place.steps(execution_id)["one"].output == "last"


def test_what_is_large_is_cut_into_flushes(place: Place) -> None:
    ids = place.running(6)
    large = '"' + "x" * 5_000_000 + '"'
    own = Watched(place.engine)

    async def work(ledger: Ledger) -> None:
        for execution_id in ids:
            ledger.write_step(key_of(place, execution_id), step_row(output=large), 1)

    with_ledger(place, work, own)

    assert own.sizes == [4, 2]  # sixteen MiB and a little
    assert all(place.steps(i)["one"].status == "completed" for i in ids)


def test_one_execution_is_never_in_two_flushes_at_once(place: Place) -> None:
    ids = place.running(20, steps_total=100)
    keys = [key_of(place, i) for i in ids]
    own = Watched(place.engine)

    async def busy(ledger: Ledger, number: int, key: Key) -> None:
        for turn in range(25):
            ledger.write_step(key, step_row(output=str(turn)), turn)
            if (turn + number) % 3 == 0:
                assert await ledger.durable(key) is Fate.OURS
            else:
                await asyncio.sleep(0.001)
        ledger.settle(key, DONE, 25)

    async def work(ledger: Ledger) -> None:
        await asyncio.gather(*(busy(ledger, number, key) for number, key in enumerate(keys)))

    with_ledger(place, work, own)

    assert own.overlaps == []
    assert own.most_at_once > 1
    assert set(place.statuses().values()) == {"completed"}
    assert {place.steps(i)["one"].output for i in ids} == {24}


def test_a_locked_execution_does_not_hold_up_the_others(place: Place) -> None:
    [held, free] = place.running(2)
    done: list[bool] = []

    async def work(ledger: Ledger) -> None:
        with place.engine.begin() as holder:
            lock(holder, held)
            ledger.settle(key_of(place, held), DONE, 1)
            await asyncio.to_thread(waiting_for_a_lock, place)
            ledger.settle(key_of(place, free), DONE, 1)
            while place.row(free).status != "completed":
                await asyncio.sleep(0.01)
            done.append(place.row(held).status == "running")

    with_ledger(place, work)

    assert done == [True]
    assert set(place.statuses().values()) == {"completed"}


def test_everybody_hears_of_cancels_and_losses(place: Place) -> None:
    flagged, lost, fine = place.running(3)
    with place.transaction() as tx:
        executions.cancel_many(tx, place.scope.workspace_id, [flagged], Reason.REQUESTED, None)
    place.change("worker = 'w2', claim_no = 2", [lost])
    fates: list[Fate] = []

    async def work(ledger: Ledger) -> None:
        fates.extend(await asyncio.gather(*(ledger.durable(key_of(place, i)) for i in (flagged, lost, fine))))

    told = with_ledger(place, work)

    assert fates == [Fate.CANCELLED, Fate.LOST, Fate.OURS]
    assert (told.disturbances, told.ends) == ([(flagged, Fate.CANCELLED)], [lost])


def test_claims_are_answered_each(place: Place) -> None:
    [mine] = place.add()
    [theirs] = place.running(worker="w2")

    async def work(ledger: Ledger) -> None:
        ledger.claim([taken(place, mine), taken(place, theirs)])

    told = with_ledger(place, work)

    assert (told.ours, told.refusals, told.over) == ({mine: [1]}, [f"{theirs}-1"], [f"{theirs}-1"])


def test_a_lost_connection_in_mid_flush_loses_nothing(place: Place) -> None:
    ids = place.running(50)

    async def work(ledger: Ledger) -> None:
        with place.engine.connect() as holder:
            lock(holder, ids[7])
            for execution_id in ids:
                ledger.settle(key_of(place, execution_id), DONE, 1)
            pid = await asyncio.to_thread(waiting_for_a_lock, place)
            place.sql(f"SELECT pg_terminate_backend({pid})")
            holder.rollback()

    told = with_ledger(place, work)

    assert sorted(told.ends) == sorted(ids)
    assert set(place.statuses().values()) == {"completed"}


def test_a_poisoned_change_reaches_nobody_else_and_starts_no_effect(place: Place) -> None:
    ids = place.running(100)
    fates: dict[UUID, Fate] = {}

    async def begin(ledger: Ledger, execution_id: UUID, output: str) -> None:
        key = key_of(place, execution_id)
        ledger.write_step(key, step_row(output=output), 1)
        fates[execution_id] = await ledger.durable(key)

    async def work(ledger: Ledger) -> None:
        outputs = dict.fromkeys(ids, "1") | {ids[13]: '"\\u0000"'}
        await asyncio.gather(*(begin(ledger, i, output) for i, output in outputs.items()))

    told = with_ledger(place, work)

    assert fates.pop(ids[13]) is Fate.LOST
    assert (set(fates.values()), told.ends) == ({Fate.OURS}, [ids[13]])
    assert place.row(ids[13]).status == "failed"

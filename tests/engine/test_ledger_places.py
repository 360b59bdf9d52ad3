"""The ledger fills the places that commits leave free, in order, and goes on after what nobody thought of."""

import asyncio
import time
from collections.abc import Sequence
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Row

from app.engine.change import Batch
from app.engine.flush import Flusher, Report
from app.engine.ledger import Ledger
from app.engine.probation import Probation
from tests.engine.changes import WORKER, key_of
from tests.engine.listener import DONE, with_ledger
from tests.store.place import Place


class Unpunctual(Flusher):
    """A flusher that takes its time, now and then, to come back from filling places."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, WORKER, 30, lambda: False, Probation(3))
        self.turn = 0

    def fill_places(self, workspaces: Sequence[UUID]) -> list[Row[Any]]:
        self.turn += 1
        rows = super().fill_places(workspaces)
        time.sleep(0.05 * (self.turn % 2))
        return rows


class Raising(Flusher):
    """A flusher that raises what nobody thought of, once from each of its doors."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, WORKER, 30, lambda: False, Probation(3))
        self.raised: set[str] = set()

    def write(self, batch: Batch) -> Report:
        self.once("write")
        return super().write(batch)

    def fill_places(self, workspaces: Sequence[UUID]) -> list[Row[Any]]:
        self.once("fill_places")
        return super().fill_places(workspaces)

    def once(self, name: str) -> None:
        if name not in self.raised:
            self.raised.add(name)
            raise RuntimeError("nobody thought of this")


def test_places_are_filled_and_sent_in_order_however_ends_meet(place: Place) -> None:
    running = place.running(20)
    place.sql("UPDATE workspaces SET max_concurrent_executions = 20")
    held = place.add(20)
    keys = [key_of(place, i) for i in running]

    async def work(ledger: Ledger) -> None:
        for key in keys:
            ledger.settle(key, DONE, 1)
            await asyncio.sleep(0.01)

    told = with_ledger(place, work, Unpunctual(place.engine))

    sent = [[row.id for row in report.made] for report in told.reports if report.made]
    assert len(sent) > 1
    assert list(chain(*sent)) == held


def test_places_that_may_be_free_are_filled_when_somebody_asks(place: Place) -> None:
    place.sql("UPDATE workspaces SET max_concurrent_executions = 1")
    _, held = place.add(2)
    place.sql("UPDATE workspaces SET max_concurrent_executions = 2")

    async def work(ledger: Ledger) -> None:
        ledger.fill_places([place.scope.workspace_id])

    [report] = with_ledger(place, work).reports

    assert [row.id for row in report.made] == [held]


def test_a_flush_that_raises_holds_up_nobody_else(place: Place) -> None:
    ids = place.running(700)

    async def work(ledger: Ledger) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        for execution_id in ids:
            ledger.settle(key_of(place, execution_id), DONE, 1)

    told = with_ledger(place, work, Raising(place.engine))

    assert len(told.ends) == 500  # the first two hundred were not to be written
    assert list(place.statuses().values()).count("completed") == 500


def test_places_are_filled_after_a_look_that_raised(place: Place) -> None:
    place.sql("UPDATE workspaces SET max_concurrent_executions = 1")
    _, held = place.add(2)
    place.sql("UPDATE workspaces SET max_concurrent_executions = 2")

    async def work(ledger: Ledger) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        ledger.fill_places([place.scope.workspace_id])
        while not own.raised:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        ledger.fill_places([place.scope.workspace_id])

    own = Raising(place.engine)
    [report] = with_ledger(place, work, own).reports

    assert [row.id for row in report.made] == [held]

"""The threads of plain task functions: how many are at work, and what becomes of those given up."""

import asyncio
import threading

import pytest

from app.steps.task_threads import TaskThreads, TooManyGivenUp


class Stuck:
    """A function that does not return before it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self._begun = threading.Event()

    async def given_up(self, threads: TaskThreads) -> None:
        """Run it, and give it up as soon as it has begun."""
        self._begun.clear()
        running = asyncio.create_task(threads.run(self._stay))
        assert await asyncio.to_thread(self._begun.wait, 60)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    def _stay(self) -> None:
        self._begun.set()
        self.let_go.wait()


def test_functions_that_never_return_do_not_hold_the_places_of_others() -> None:
    stuck = Stuck()

    async def crowd() -> str:
        threads = TaskThreads(at_work=2, given_up=5)
        for _ in range(4):
            await stuck.given_up(threads)
        return await asyncio.wait_for(threads.run(lambda: "served"), 60)

    served = asyncio.run(crowd())

    stuck.let_go.set()
    assert served == "served"


def test_when_too_many_never_return_no_more_are_begun_until_one_does() -> None:
    stuck = Stuck()

    async def crowd() -> str:
        threads = TaskThreads(at_work=2, given_up=1)
        await stuck.given_up(threads)
        with pytest.raises(TooManyGivenUp):
            await threads.run(lambda: "served")
        stuck.let_go.set()
        for _ in range(6000):
            try:
                return await threads.run(lambda: "served")
            except TooManyGivenUp:
                await asyncio.sleep(0.01)
        return "never"

    assert asyncio.run(crowd()) == "served"


def test_no_more_than_so_many_are_at_work_at_once() -> None:
    busy: set[int] = set()
    most: list[int] = []
    three_are_there = threading.Barrier(3, timeout=60)

    def work() -> None:
        busy.add(threading.get_ident())
        three_are_there.wait()
        most.append(len(busy))
        three_are_there.wait()
        busy.discard(threading.get_ident())

    async def crowd() -> None:
        threads = TaskThreads(at_work=3)
        await asyncio.gather(*(threads.run(work) for _ in range(12)))

    asyncio.run(crowd())

    assert most == [3] * 12

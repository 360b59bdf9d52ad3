"""The threads of plain task functions: how many are at work, and what becomes of those given up."""

import asyncio
import threading
import time

import pytest

from app.steps.task_threads import TaskThreads, TooManyGivenUp


def test_functions_that_never_return_do_not_hold_the_places_of_others() -> None:
    stop = threading.Event()

    async def crowd() -> str:
        threads = TaskThreads(at_work=2, given_up=5)
        for _ in range(4):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await threads.run(stop.wait)
        return await threads.run(lambda: "served")

    served = asyncio.run(crowd())

    stop.set()
    assert served == "served"


def test_when_too_many_never_return_no_more_are_begun_until_one_does() -> None:
    stop = threading.Event()

    async def crowd() -> str:
        threads = TaskThreads(at_work=2, given_up=1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await threads.run(stop.wait)
        with pytest.raises(TooManyGivenUp):
            await threads.run(lambda: "served")
        stop.set()
        for _ in range(500):
            try:
                return await threads.run(lambda: "served")
            except TooManyGivenUp:
                await asyncio.sleep(0.01)
        return "never"

    assert asyncio.run(crowd()) == "served"


def test_no_more_than_so_many_are_at_work_at_once() -> None:
    busy: set[int] = set()
    most: list[int] = []

    def work() -> None:
        busy.add(threading.get_ident())
        most.append(len(busy))
        time.sleep(0.01)
        busy.discard(threading.get_ident())

    async def crowd() -> None:
        threads = TaskThreads(at_work=3)
        await asyncio.gather(*(threads.run(work) for _ in range(12)))

    asyncio.run(crowd())

    assert (len(most), max(most)) == (12, 3)

"""Threads for plain task functions: one each, given up when nobody waits for it any more."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import TypeVar
from weakref import WeakKeyDictionary

from app import tasks

# Tasks at work in one process; further ones wait for a place. Those given up count apart: a function that
# never returns keeps its thread, but not its place.
MOST_AT_WORK = 100
MOST_GIVEN_UP = 1_000

Result = TypeVar("Result")


class TooManyGivenUp(Exception):
    """So many functions never returned that this process takes no more."""


class TaskThreads:
    """The threads of one event loop. They are daemons, so that none keeps the process from ending."""

    def __init__(self, at_work: int = MOST_AT_WORK, given_up: int = MOST_GIVEN_UP) -> None:
        self._places = asyncio.Semaphore(at_work)
        self._most_given_up = given_up
        self._given_up = 0
        self._lock = threading.Lock()

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run a function in a thread of its own; a cancel gives it up and drops what it returns.

        Raises TooManyGivenUp.
        """
        if self._given_up >= self._most_given_up:
            raise TooManyGivenUp
        async with self._places:
            return await self._started(work)

    async def _started(self, work: Callable[[], Result]) -> Result:
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Result] = loop.create_future()
        given_up, ended = threading.Event(), threading.Event()

        def body() -> None:
            tasks.watch(given_up)
            with suppress(tasks.TaskCancelled):
                found = work()
                with suppress(RuntimeError):  # the loop is closed: the process ends
                    loop.call_soon_threadsafe(_hand_over, result, found)
            with self._lock:
                ended.set()
                self._given_up -= given_up.is_set()

        context = copy_context()
        threading.Thread(target=context.run, args=(body,), name="task", daemon=True).start()
        try:
            return await result
        except asyncio.CancelledError:
            with self._lock:
                given_up.set()
                self._given_up += not ended.is_set()
            raise


def _hand_over(result: "asyncio.Future[Result]", found: Result) -> None:
    if not result.done():
        result.set_result(found)


_threads: WeakKeyDictionary[asyncio.AbstractEventLoop, TaskThreads] = WeakKeyDictionary()


def threads() -> TaskThreads:
    """Give the threads of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _threads:
        _threads[loop] = TaskThreads()
    return _threads[loop]

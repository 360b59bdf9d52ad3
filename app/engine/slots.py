"""The slots of a worker process: how many executions it claims, and how many of them are at work at once."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from app.engine.change import Key

PATIENCE_SECONDS = 1.0
# 1, 2 and 3 drained 5,900, 6,300 and 7,100 executions/s on two cores.
AHEAD = 3


@dataclass(frozen=True, slots=True)
class Waiting:
    """A claimed execution that waits for a slot since `since`, and how it is begun."""

    key: Key
    begin: Callable[[], None]
    since: float


class Slots:
    """At most `count` executions are at work; a slot is held from the beginning until the end is computed.

    What ends in the very turn in which it begins holds no slot for any time that others could use. As many
    as did so one after the other are claimed ahead, up to AHEAD times `count`, so that claims go on while
    walks are made and groups are large.
    One that was claimed ahead in vain waits here for a slot, but not for long: see `impatient`.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._claiming = 0
        self._at_work = 0
        self._ahead = 0
        self._waiting: deque[Waiting] = deque()

    @property
    def room(self) -> int:
        """Tell how many more may be claimed; any thread may ask."""
        return self._count + self._ahead - self.taken

    @property
    def taken(self) -> int:
        """Count what is being claimed, waits for a slot, or holds one."""
        return self._claiming + len(self._waiting) + self._at_work

    def reserve(self, count: int) -> None:
        """Note that so many are being claimed."""
        self._claiming += count

    def refuse(self) -> None:
        """Note that a claim came to nothing."""
        self._claiming -= 1

    def enter(self, key: Key, begin: Callable[[], None]) -> None:
        """Begin a claimed execution as soon as there is a slot."""
        self._claiming -= 1
        if self._at_work < self._count:
            self._begin(begin)
        else:
            self._waiting.append(Waiting(key, begin, time.monotonic()))

    def leave(self) -> None:
        """Free the slot of an execution whose end is computed."""
        self._at_work -= 1
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._next)

    def impatient(self, patience: float = PATIENCE_SECONDS) -> list[Key]:
        """Give up, and name, what has waited longer for a slot than others should have to wait for it."""
        now, given_up = time.monotonic(), []
        while self._waiting and now - self._waiting[0].since >= patience:
            given_up.append(self._waiting.popleft().key)
        return given_up

    def _next(self) -> None:
        if self._waiting and self._at_work < self._count:
            self._begin(self._waiting.popleft().begin)

    def _begin(self, begin: Callable[[], None]) -> None:
        before = self._at_work
        self._at_work += 1
        begin()
        self._ahead = min(AHEAD * self._count, self._ahead + 1) if self._at_work == before else 0

"""Wakes what this worker suspended for a short time the moment it is due: the clock looks once a second."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from app.engine.change import Key
from app.queue import Taken

# Whatever rests longer is the clock's alone.
LONGEST = timedelta(seconds=5)
# The loop's timers may go off some of a millisecond early.
LATE_SECONDS = 0.003


class Alarms:
    """Claims executions again without a ticket, if there is room; the clock finds the others.

    Nothing hangs on it: what another worker has claimed by then, or was cancelled, is refused.
    """

    def __init__(self, room: Callable[[], int], take: Callable[[list[Taken]], None]) -> None:
        self._room = room
        self._take = take

    def set(self, key: Key, rest: timedelta) -> None:
        """Claim an execution after a rest, if that is short."""
        if rest <= LONGEST:
            seconds = max(0.0, rest.total_seconds()) + LATE_SECONDS
            asyncio.get_running_loop().call_later(seconds, self._go_off, key)

    def _go_off(self, key: Key) -> None:
        if self._room() > 0:
            self._take([Taken(key.job_id or str(key.id), key.id, key.workspace_id)])

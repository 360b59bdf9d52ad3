"""The time that an execution may take, without the time that it waits."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta


class Deadline:
    """Calls `up` when the time is up; `at` is when, None without a `limit`."""

    def __init__(
        self,
        limit: float | None,
        begin: datetime,
        at: datetime | None,
        now: Callable[[], datetime],
        up: Callable[[], None],
    ) -> None:
        self.at = at
        if limit is not None and at is None:
            self.at = begin + timedelta(seconds=limit)
        self.limit = limit
        self._now = now
        self._up = up
        self._excused = begin
        self._timer: asyncio.TimerHandle | None = None

    @property
    def over(self) -> bool:
        """Tell whether the time is up."""
        return self.at is not None and self.at <= self._now()

    def arm(self) -> None:
        """Let the time run, from now on or anew."""
        self.stop()
        if self.at is not None:
            left = max(0.0, (self.at - self._now()).total_seconds())
            self._timer = asyncio.get_running_loop().call_later(left, self._up)

    def excuse(self, until: datetime) -> None:
        """Put it off by a wait that is slept through in the slot."""
        begin = max(self._now(), self._excused)
        if self.at is not None and until > begin:
            self._excused = until
            self.at += until - begin
            self.arm()

    def stop(self) -> None:
        """Let the time run no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

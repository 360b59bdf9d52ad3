"""The time that an execution may take, without the time that it waits."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

# What steps with `runOn` get altogether when the time is up.
LAST_SECONDS = 300.0


class Deadline:
    """Calls `up` when the time is up, and again LAST_SECONDS later, when it is for steps with `runOn`, too.

    `at` is the first of these, None without a `limit`.
    """

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

    @property
    def spent(self) -> bool:
        """Tell whether the time is up that steps with `runOn` get after that."""
        return self.at is not None and self.at + timedelta(seconds=LAST_SECONDS) <= self._now()

    def told(self, *, spent: bool) -> str:
        """Say that the time is up; `spent`: that of steps with `runOn`, too."""
        more = f", and its steps with runOn took more than {LAST_SECONDS:g} s after that" if spent else ""
        return f"The execution ran longer than its limit of {self.limit:g} s{more}"

    def arm(self) -> None:
        """Let the time run, from now on or anew."""
        self.stop()
        if self.at is not None and not self.spent:
            end = self.at + timedelta(seconds=LAST_SECONDS) if self.over else self.at
            left = max(0.0, (end - self._now()).total_seconds())
            self._timer = asyncio.get_running_loop().call_later(left, self._ring)

    def _ring(self) -> None:
        self.arm()
        self._up()

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

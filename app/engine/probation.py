"""Executions whose workers were lost too often begin one at a time, so that a poisonous one is alone."""

import time
from uuid import UUID

SECONDS = 60.0


class Probation:
    """One execution at a time is on probation: until it ends, or has not killed its worker for a while.

    Whoever shares a worker with a poisonous execution is taken over as often as it. So one that would be
    given up after the next loss begins only when no other such one has just begun here: the next loss is its
    own fault. Used in a ledger thread to begin, in the event loop to end.
    """

    def __init__(self, max_takeovers: int) -> None:
        self.from_takeovers = max(1, max_takeovers - 1)
        self._id: UUID | None = None
        self._until = 0.0

    @property
    def free(self) -> bool:
        """Tell whether another one may begin."""
        return self._id is None or time.monotonic() > self._until

    def begin(self, execution_id: UUID) -> None:
        """Note who is on probation from now on."""
        self._id, self._until = execution_id, time.monotonic() + SECONDS

    def end(self, execution_id: UUID) -> None:
        """Note that an execution has left this worker."""
        if self._id == execution_id:
            self._id = None

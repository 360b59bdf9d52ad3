"""How long to wait before the next attempt."""

from collections.abc import Callable
from dataclasses import dataclass
from random import random as chance


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a step is attempted in all, and the pauses between the attempts in seconds."""

    attempts: int = 3
    backoff_seconds: float = 1.0
    factor: float = 2.0
    max_backoff_seconds: float = 300.0
    jitter: bool = True

    def delay(
        self, attempt: int, retry_after: float | None = None, random: Callable[[], float] = chance
    ) -> float:
        """Return the pause after failed attempt number `attempt` (1 is the first).

        Jitter takes away up to half. `retry_after`, which the other side asked for, is the least pause; no
        pause is longer than `max_backoff_seconds`.
        """
        # A factor of at most 100 to the power of 19 stays a finite double.
        pause = min(self.backoff_seconds * self.factor ** (attempt - 1), self.max_backoff_seconds)
        if self.jitter:
            pause *= 1 - random() / 2
        return max(pause, min(retry_after or 0.0, self.max_backoff_seconds))

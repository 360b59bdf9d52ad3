"""How often an address failed to log in lately; kept by each web process for itself."""

import threading
import time
from collections import deque

MOST_FAILURES = 10
WITHIN_SECONDS = 60.0
REMEMBERED_ADDRESSES = 10_000


class Attempts:
    """Failures by address; an address with MOST_FAILURES within WITHIN_SECONDS has to wait."""

    def __init__(self) -> None:
        self._failures: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def wait_seconds(self, address: str) -> int:
        """Give how long an address has to wait, 0 when it may try."""
        with self._lock:
            failures = self._failures.get(address)
            if failures is None or len(failures) < MOST_FAILURES:
                return 0
            return max(0, round(failures[0] + WITHIN_SECONDS - time.monotonic() + 0.5))

    def failed(self, address: str) -> None:
        """Count a failure."""
        with self._lock:
            if len(self._failures) >= REMEMBERED_ADDRESSES:
                self._failures.clear()
            self._failures.setdefault(address, deque(maxlen=MOST_FAILURES)).append(time.monotonic())

    def succeeded(self, address: str) -> None:
        """Forget the failures of an address."""
        with self._lock:
            self._failures.pop(address, None)

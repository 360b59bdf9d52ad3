"""Whether those who listen still may: keys are revoked and sessions end while streams are open."""

import time
from collections import defaultdict
from collections.abc import Hashable, Sequence

from app.errors import DatabaseUnavailable
from app.stream.outlet import Outlet


class Callers:
    """Asks for all streams with the same credentials at once, and ends those that may not go on."""

    def __init__(self) -> None:
        self._asked: dict[Hashable, float] = {}

    def ask(self, outlets: Sequence[Outlet]) -> None:
        """Ask for everybody whose turn it is; while the database is away all go on."""
        by_credentials: defaultdict[Hashable, list[Outlet]] = defaultdict(list)
        for outlet in outlets:
            by_credentials[outlet.caller.credentials].append(outlet)
        self._asked = {key: at for key, at in self._asked.items() if key in by_credentials}
        now = time.monotonic()
        for credentials, theirs in by_credentials.items():
            caller = theirs[0].caller
            if now - self._asked.setdefault(credentials, now) < caller.seconds:
                continue
            self._asked[credentials] = now
            try:
                may_listen = caller.may_listen()
            except DatabaseUnavailable:
                return
            if not may_listen:
                for outlet in theirs:
                    outlet.end(at_once=True)

"""The leases of a worker process: renewed in time, and looked after each second for cancels and losses."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Engine, Row
from sqlalchemy.exc import DBAPIError

from app import log
from app.engine.change import Key
from app.store import claims

LOOK_SECONDS = 1.0

logger = log.get(__name__)


class Holder(Protocol):
    """Who holds the executions; called in the event loop."""

    def held(self) -> list[Key]:
        """Name the executions whose work goes on."""

    def lost(self, key: Key) -> None:
        """Hear that an execution belongs to us no more."""

    def cancelled(self, key: Key) -> None:
        """Hear that an execution was flagged to be cancelled."""

    def looked(self) -> None:
        """Hear, each second, that it is time to look after what waits."""


class Leases:
    """Keeps the leases of what its holder holds.

    While the database is away for longer than they last nothing is sure, and nothing new begins. What nobody
    has taken over by the time it is back goes on here; the rest is lost.
    """

    def __init__(self, engine: Engine, worker: str, seconds: int, holder: Holder) -> None:
        self._engine = engine
        self._worker = worker
        self._seconds = seconds
        self._holder = holder
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="leases")
        self._look_now = asyncio.Event()
        self._renewed = time.monotonic()

    @property
    def sure(self) -> bool:
        """Tell whether all that is held is ours by our own clock: none of its leases can have run out."""
        return time.monotonic() < self._renewed + self._seconds

    def look_now(self) -> None:
        """Look before the second is over."""
        self._look_now.set()

    async def keep(self) -> None:
        """Renew leases in time, and read each second which executions were cancelled or lost; never ends."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), LOOK_SECONDS)
            self._look_now.clear()
            self._holder.looked()
            due = time.monotonic() - self._renewed >= self._seconds / 3
            started = time.monotonic()
            if await self._look(due) and due:
                self._renewed = started

    def close(self) -> None:
        """Ask nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _look(self, renew: bool) -> bool:
        """Ask the database about all that is held; False when it did not answer, or a lease has run out.

        That is so after an outage where somebody holds the row at this moment: nothing new begins until the
        next look has renewed it, or found it lost.
        """
        before = self._holder.held()
        if not before:
            return True
        loop = asyncio.get_running_loop()
        try:
            rows = await loop.run_in_executor(self._threads, self._ask, [key.id for key in before], renew)
        except DBAPIError as error:
            logger.warning("leases could not be checked", error=str(error.orig).strip())
            return False
        owned = {(row.id, row.claim_no): row.cancelled for row in rows}
        now_held = set(self._holder.held())
        for key in before:
            if key not in now_held:
                continue
            if (key.id, key.claim_no) not in owned:
                self._holder.lost(key)
            elif owned[key.id, key.claim_no]:
                self._holder.cancelled(key)
        return all(row.leased for row in rows)

    def _ask(self, ids: list[UUID], renew: bool) -> list[Row[Any]]:
        with self._engine.begin() as tx:
            if renew:
                return claims.renew(tx, ids, self._worker, self._seconds)
            return claims.owned(tx, ids, self._worker)

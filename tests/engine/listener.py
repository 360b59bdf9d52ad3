"""Who hears what a ledger tells, and a ledger to work with."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from app.engine.change import Fate, Key
from app.engine.flush import Flusher, Report
from app.engine.ledger import Ledger
from app.queue import Taken
from app.states import Status
from app.store.flushes import Settlement
from tests.engine.changes import flusher
from tests.store.place import Place

DONE = Settlement(Status.COMPLETED, output="1")


@dataclass
class Listener:
    """Remembers what the ledger told; a desk does more with it."""

    ours: dict[UUID, list[int]] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    ends: list[UUID] = field(default_factory=list)
    disturbances: list[tuple[UUID, Fate]] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)

    def claimed(self, job: Taken, row: Row[Any], recorded: list[Any]) -> None:
        self.ours.setdefault(row.id, []).append(row.claim_no)

    def refused(self, job: Taken) -> None:
        self.refusals.append(job.job_id)

    def closed(self, key: Key) -> None:
        self.ends.append(key.id)

    def disturbed(self, key: Key, fate: Fate) -> None:
        self.disturbances.append((key.id, fate))

    def committed(self, report: Report, job_ids: list[str]) -> None:
        self.reports.append(report)
        self.over += job_ids


def with_ledger(
    place: Place, work: Callable[[Ledger], Awaitable[None]], own: Flusher | None = None
) -> Listener:
    """Work with a ledger, then close it; give what it told."""
    listener = Listener()

    async def run() -> None:
        ledger = Ledger(own or flusher(place.engine), listener)
        async with asyncio.timeout(60):
            await work(ledger)
            await ledger.close()

    asyncio.run(run())
    return listener

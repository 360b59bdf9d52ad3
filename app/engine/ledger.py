"""The ledger: gathers the changes of all running executions and writes them together, again and again."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Row

from app import log
from app.clock import now
from app.engine.change import Batch, Change, Fate, Key
from app.engine.flush import Flusher, Report
from app.queue import Taken
from app.store.flushes import Settlement, Suspension
from app.store.steps import ItemRow, LogLine, Recorded, StepRow

CHANGE_LANES = 2
MOST_CHANGES = 200
MOST_BYTES = 16 * 1024 * 1024
LAST_SECONDS = 5.0
LATE_SECONDS = 1.0

logger = log.get(__name__)


class DatabaseTime:
    """The database's time, read with flushes and carried on by the monotonic clock."""

    def __init__(self) -> None:
        self._at = now()
        self._read = time.monotonic()
        self._known = False

    def set(self, at: datetime) -> None:
        """Take over a time that the database gave just now; it never goes back."""
        self._at = max(at, self.now()) if self._known else at
        self._known = True
        self._read = time.monotonic()

    def now(self) -> datetime:
        """Give the time, aware and in UTC."""
        return self._at + timedelta(seconds=time.monotonic() - self._read)


class Owner(Protocol):
    """Who the ledger tells what became of claims and changes; called in the event loop."""

    def claimed(self, job: Taken, row: Row[Any], recorded: Recorded) -> None:
        """Hear of an execution that is ours now, with the steps recorded before."""

    def refused(self, job: Taken) -> None:
        """Hear of a job whose execution is not to be claimed: ended, cancelled, or another's."""

    def closed(self, key: Key) -> None:
        """Hear that an execution was settled or handed back for good."""

    def disturbed(self, key: Key, fate: Fate) -> None:
        """Hear that an execution was cancelled or lost while we work on it."""

    def committed(self, report: Report, job_ids: list[str]) -> None:
        """Hear, in a ledger thread, of a commit and of the jobs that it made superfluous."""


class Ledger:
    """Group commit for one event loop.

    A flush starts as soon as something gathered and its lane is free, so a change alone waits for nothing
    and under load hundreds share a commit. Claims have a lane of their own: they keep the slots full. Changes
    have two, so that one that waits for a lock holds nobody up; those of one execution are never in both.
    """

    def __init__(self, flusher: Flusher, owner: Owner) -> None:
        self.time = DatabaseTime()
        self._flusher = flusher
        self._owner = owner
        self._claims: deque[Taken] = deque()
        self._changes: dict[UUID, Change] = {}
        self._busy: set[UUID] = set()
        self._freed: set[UUID] = set()
        self._in_flight = 0
        self._claiming = self._filling = False
        self._claimed_at = 0.0
        self._kicked = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._threads = ThreadPoolExecutor(CHANGE_LANES + 2, thread_name_prefix="ledger")
        self._loop = asyncio.get_running_loop()

    @property
    def is_late(self) -> bool:
        """Tell whether claims wait, and none has got through for long, as while the database is away."""
        waiting = self._claiming or bool(self._claims)
        return waiting and time.monotonic() - self._claimed_at > LATE_SECONDS

    def claim(self, jobs: list[Taken]) -> None:
        """Ask for the ownership of executions; the owner hears of each."""
        if not self._claiming and not self._claims:
            self._claimed_at = time.monotonic()
        self._claims.extend(jobs)
        self._kick()

    def write_step(self, key: Key, row: StepRow, done: int | None = None) -> None:
        """Note a step's latest state, to be written with the next flush."""
        change = self._change(key)
        change.steps[row.step_id] = row
        change.done = done if done is not None else change.done
        self._kick()

    def write_item(self, key: Key, row: ItemRow) -> None:
        """Note the latest state of one item of a forEach."""
        self._change(key).items[row.step_id, row.index] = row
        self._kick()

    def suspend(self, key: Key, rest: Suspension) -> None:
        """Note that everything in an execution waits, so that it needs no owner."""
        self._change(key).rest = rest
        self._kick()

    def cancel_children(self, key: Key, places: list[str]) -> None:
        """Note the places of children that nobody waits for any more."""
        if places:
            self._change(key).orphans += places
            self._kick()

    def write_log(self, key: Key, line: LogLine) -> None:
        """Note a line of a step's log."""
        self._change(key).logs.append(line)
        self._kick()

    def settle(self, key: Key, end: Settlement, done: int) -> None:
        """Note how an execution ended; the owner hears when that is durable."""
        change = self._change(key)
        change.end, change.done = end, done
        self._kick()

    def settle_cancelled(self, key: Key) -> None:
        """Note that an execution flagged to be cancelled has stopped."""
        self._change(key).cancel = True
        self._kick()

    def hand_back(self, key: Key) -> None:
        """Note that this worker gives an execution up for another to go on with."""
        self._change(key).leave = True
        self._kick()

    def fill_places(self, workspaces: Iterable[UUID]) -> None:
        """Note workspaces that may have places for what is held there, so that it is queued and sent."""
        self._freed.update(workspaces)
        self._kick()

    async def durable(self, key: Key) -> Fate:
        """Wait until all that was noted of an execution is committed; tell whether it is still ours."""
        waiter: asyncio.Future[Fate] = self._loop.create_future()
        self._change(key).waiters.append(waiter)
        self._kick()
        return await waiter

    async def close(self) -> None:
        """Write what is left, then stop; what the database does not take in time is given up."""
        try:
            await asyncio.wait_for(self._idle.wait(), LAST_SECONDS)
        except TimeoutError:
            logger.error("gave up what is left to write: its executions are taken over")
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _change(self, key: Key) -> Change:
        change = self._changes.get(key.id)
        if change is None:
            change = self._changes[key.id] = Change(key)
        return change

    def _kick(self) -> None:
        """Start a flush once the callback that runs now is through, so that what it notes goes together."""
        self._idle.clear()
        if not self._kicked:
            self._kicked = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._kicked = False
        while not self._claiming and (claims := self._gather_claims()):
            self._claiming = True
            self._start(claims)
        while self._in_flight - self._claiming < CHANGE_LANES and (changes := self._gather_changes()):
            self._start(changes)
        if self._freed and not self._filling:
            self._filling = True
            freed, self._freed = sorted(self._freed), set()
            self._loop.run_in_executor(self._threads, self._fill, freed).add_done_callback(self._filled)
        if not (self._in_flight or self._filling or self._changes or self._claims):
            self._idle.set()

    def _start(self, batch: Batch) -> None:
        self._in_flight += 1
        self._busy.update(batch.ids())
        flight = self._loop.run_in_executor(self._threads, self._write, batch)
        flight.add_done_callback(lambda done: self._landed(batch, done))

    def _gather_changes(self) -> Batch | None:
        """Take changes for one flush: of no execution that is in another."""
        batch, size = Batch([], []), 0
        for execution_id, change in list(self._changes.items()):
            if len(batch) >= MOST_CHANGES or size >= MOST_BYTES:
                break
            if execution_id not in self._busy:
                batch.changes.append(self._changes.pop(execution_id))
                size += change.size()
        return batch if len(batch) else None

    def _gather_claims(self) -> Batch | None:
        """Take claims for one flush of their own; what we still write of an execution goes first."""
        batch = Batch([], [])
        for _ in range(min(len(self._claims), MOST_CHANGES)):
            job = self._claims.popleft()
            waits = job.execution_id in self._busy or job.execution_id in self._changes
            (self._claims if waits else batch.claims).append(job)
        return batch if len(batch) else None

    def _write(self, batch: Batch) -> Report:
        """Write a batch in a ledger thread, then clean up in Redis what the commit made superfluous."""
        report = self._flusher.write(batch)
        report.touched += [change.key for change in batch.changes]
        over = [change.key.job_id for change in batch.changes if change.closes and change.key.job_id]
        over += [job.job_id for job in batch.claims if job.execution_id not in report.claimed]
        self._owner.committed(report, over)
        return report

    def _fill(self, workspaces: list[UUID]) -> None:
        """Queue in a ledger thread what places are free for, and send it before anybody fills the next."""
        if made := self._flusher.fill_places(workspaces):
            self._owner.committed(Report(made=made), [])

    def _filled(self, done: "asyncio.Future[None]") -> None:
        self._filling = False
        self._kick()
        done.result()

    def _landed(self, batch: Batch, done: "asyncio.Future[Report]") -> None:
        """Tell everybody what became of a flush."""
        self._in_flight -= 1
        if batch.claims:
            self._claiming, self._claimed_at = False, time.monotonic()
        self._busy.difference_update(batch.ids())
        try:
            report = done.result()
            self._freed |= report.freed
        finally:
            # The next claims are under way while those that have landed are walked.
            self._flush()
        if report.database_now is not None:
            self.time.set(report.database_now)
        for change in batch.changes:
            self._tell(change, report.fates[change.key.id])
        for job in batch.claims:
            row = report.claimed.get(job.execution_id)
            if row is None:
                self._owner.refused(job)
            else:
                self._owner.claimed(job, row, report.recorded.get(row.id) or Recorded())
        self._kick()

    def _tell(self, change: Change, fate: Fate) -> None:
        for waiter in change.waiters:
            if not waiter.done():
                waiter.set_result(fate)
        if change.closes or fate is Fate.LOST:
            self._owner.closed(change.key)
        elif fate is Fate.CANCELLED:
            self._owner.disturbed(change.key, fate)

"""One flush of the ledger: its transaction, its repetition, and the halving of a refused one."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg2
from sqlalchemy import Connection, Engine, Row
from sqlalchemy.exc import DBAPIError

from app import log
from app.engine.change import Batch, Change, Fate, Key
from app.engine.probation import Probation
from app.states import Status
from app.store import children, claims, executions, flushes, news, quotas, steps

REPEATED = ("40P01", "40001", "55P03")
AWAY = ("08", "57", "53", "25006")
PAUSE_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0)

logger = log.get(__name__)


@dataclass(slots=True)
class Report:
    """What a flush did: claimed rows with their recorded steps, and the fate of each change.

    `freed` names the workspaces in which it may have left a place free.
    """

    claimed: dict[UUID, Row[Any]] = field(default_factory=dict)
    recorded: dict[UUID, steps.Recorded] = field(default_factory=dict)
    fates: dict[UUID, Fate] = field(default_factory=dict)
    handed_back: list[Row[Any]] = field(default_factory=list)
    made: list[Row[Any]] = field(default_factory=list)
    touched: list[Any] = field(default_factory=list)
    freed: set[UUID] = field(default_factory=set)
    database_now: datetime | None = None

    def add(self, other: "Report") -> None:
        """Take in what another part of the same batch did."""
        self.claimed |= other.claimed
        self.recorded |= other.recorded
        self.fates |= other.fates
        self.handed_back += other.handed_back
        self.made += other.made
        self.touched += other.touched
        self.freed |= other.freed
        self.database_now = other.database_now or self.database_now


class Flusher:
    """Writes batches in the ledger's threads; every write is fenced by worker and claim."""

    def __init__(
        self,
        engine: Engine,
        worker: str,
        lease_seconds: int,
        stopped: Callable[[], bool],
        probation: Probation,
    ) -> None:
        self._engine = engine
        self._worker = worker
        self._lease_seconds = lease_seconds
        self._stopped = stopped
        self._probation = probation

    def write(self, batch: Batch) -> Report:
        """Write a batch, however long the database is away; halve a refused one until one change is left."""
        tries = 0
        while True:
            try:
                return self._transaction(batch)
            except DBAPIError as error:
                if not _passing(error):
                    return self._refused(batch, error)
                if tries >= len(PAUSE_SECONDS) and self._stopped():
                    logger.error(
                        "gave up a flush at shutdown: its executions are taken over", error=str(error.orig)
                    )
                    return Report(fates=dict.fromkeys((change.key.id for change in batch.changes), Fate.LOST))
                pause = PAUSE_SECONDS[min(tries, len(PAUSE_SECONDS) - 1)]
                logger.warning("a flush is repeated", seconds=pause, error=str(error.orig).strip())
                time.sleep(pause)
                tries += 1
            except Exception as error:  # noqa: BLE001 -- psycopg2 refuses a NUL with a ValueError
                return self._refused(batch, error)

    def fill_places(self, workspaces: Sequence[UUID]) -> list[Row[Any]]:
        """Queue what is held where commits have freed places; gives what the tickets need, in order.

        After them: two that free places at the same time, or one that does while another is put aside as
        held, cannot see each other before. Whoever looks last sees all; the tick makes up for the rest.
        """
        try:
            with self._engine.connect() as connection:
                at_once = connection.execution_options(isolation_level="AUTOCOMMIT")
                return quotas.release(at_once, workspaces)
        except (DBAPIError, psycopg2.Error) as error:
            logger.warning("places are filled later", error=str(getattr(error, "orig", error)).strip())
            return []

    def _refused(self, batch: Batch, error: Exception) -> Report:
        """Find the change that the database refuses and let it fail alone."""
        report = Report()
        if len(batch) > 1:
            for half in batch.halves():
                report.add(self.write(half))
            return report
        why = (str(getattr(error, "orig", error)).strip() or type(error).__name__).splitlines()[0]
        logger.error("the database refused a change", executions=[str(i) for i in batch.ids()], error=why)
        if batch.changes and not batch.changes[0].bare:
            self.write(Batch([], [batch.changes[0].without_payload(why)]))
        report.fates = {change.key.id: Fate.LOST for change in batch.changes}
        return report

    def _transaction(self, batch: Batch) -> Report:
        report = Report()
        with self._engine.begin() as tx:
            self._write_all(tx, batch, report)
        return report

    def _write_all(self, tx: Connection, batch: Batch, report: Report) -> None:
        if batch.changes:
            locked = flushes.lock(tx, batch.to_lock())
            self._write_changes(tx, [c for c in batch.changes if self._fenced(c, locked, report)], report)
        if batch.claims:
            self._claim(tx, batch, report)

    def _claim(self, tx: Connection, batch: Batch, report: Report) -> None:
        ids = [taken.execution_id for taken in batch.claims]
        suspects = claims.Suspects(self._probation.from_takeovers, int(self._probation.free))
        rows = claims.claim_many(tx, ids, self._worker, self._lease_seconds, suspects)
        report.claimed = {row.id: row for row in rows}
        if again := [row.id for row in rows if row.claim_no > 1 or row.retry_of is not None]:
            report.recorded = steps.recorded_of(tx, again)
        for row in rows:
            if row.suspect:
                self._probation.begin(row.id)
        if rows:
            report.database_now = rows[-1].database_now
        # What found no place is held now, and who freed one meanwhile may not have seen it.
        report.freed |= {job.workspace_id for job in batch.claims if job.execution_id not in report.claimed}

    def _fenced(self, change: Change, locked: dict[UUID, Any], report: Report) -> bool:
        """Tell whether the execution is still ours; note its fate."""
        row = locked.get(change.key.id)
        if (
            row is None
            or row.worker != self._worker
            or row.claim_no != change.key.claim_no
            or row.status != "running"
        ):
            report.fates[change.key.id] = Fate.LOST
            return False
        report.fates[change.key.id] = Fate.CANCELLED if row.cancelled else Fate.OURS
        return True

    def _write_changes(self, tx: Connection, changes: list[Change], report: Report) -> None:
        """Write what fenced changes record, then close those that close."""
        if rows := [(c.key.id, c.key.workspace_id, row) for c in changes for row in c.steps.values()]:
            steps.write(tx, rows)
        if items := [(c.key.id, row) for c in changes for row in c.items.values()]:
            steps.write_items(tx, items)
        if lines := [(c.key.id, line) for c in changes for line in c.logs]:
            steps.write_logs(tx, lines)
        if done := [(c.key.id, c.done) for c in changes if c.done is not None and c.end is None]:
            flushes.write_progress(tx, done)
        self._close(tx, changes, report)

    def _close(self, tx: Connection, changes: list[Change], report: Report) -> None:
        """End, suspend or hand back executions; a cancel that was accepted comes before all of these."""
        closing = [c for c in changes if c.closes]
        cancelled = [c for c in closing if report.fates[c.key.id] is Fate.CANCELLED]
        ours = [c for c in closing if report.fates[c.key.id] is Fate.OURS]
        ends = [(c.key.id, c.key.claim_no, c.end, c.done or 0) for c in ours if c.end is not None]
        if ends:
            flushes.settle(tx, self._worker, ends)
            report.made += _after_failures(tx, [i for i, _, end, _ in ends if end.status is Status.FAILED])
        if cancelled:
            flushes.settle_cancelled(tx, self._worker, [c.key.id for c in cancelled])
        if rests := [(c.key.id, c.key.claim_no, c.rest) for c in ours if c.rest is not None]:
            report.handed_back += flushes.suspend(tx, self._worker, rests)
        if leaving := [(c.key.id, c.key.claim_no) for c in ours if c.leave]:
            report.handed_back += claims.hand_back(tx, leaving, self._worker)
        for change in [c for c in changes if c.orphans]:
            key = change.key
            touched = executions.cancel_children(tx, key.workspace_id, key.id, change.orphans)
            report.touched += touched
            report.handed_back += [row for row in touched if row.sent_at]
        if gone := [c.key for c in [*ours, *cancelled]]:
            report.freed |= {key.workspace_id for key in gone}
            report.handed_back += _wake_parents(tx, gone)


def _wake_parents(tx: Connection, gone: list[Key]) -> list[Row[Any]]:
    """Wake the parents of what has ended, if any has one; gives what their tickets need."""
    return news.wake_parents(tx, [key.id for key in gone]) if any(key.parent_id for key in gone) else []


def _after_failures(tx: Connection, failed: list[UUID]) -> list[Row[Any]]:
    """Cancel the steps in flight of what failed, and start what it names for this case."""
    if not failed:
        return []
    steps.cancel_of(tx, failed)
    return children.start_handlers(tx, failed)


def _passing(error: DBAPIError) -> bool:
    """Tell a fault that passes by itself (deadlock, lost connection, server restart) from a refusal."""
    state = getattr(error.orig, "pgcode", None)
    return error.connection_invalidated or state is None or state in REPEATED or state.startswith(AWAY)

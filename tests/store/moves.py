"""Executions, two workers, a clock and a caller: every move that any of them can make, in any order."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app.states import FINAL, MOVES, Reason, Status, StepStatus
from app.store import children, claims, executions, firing, flushes, news, signals, steps
from app.store.allowance import Allowance
from app.store.children import Checks, Parent, Refused
from app.store.flushes import Settlement, Suspension
from app.store.retries import Reused
from app.store.steps import StepRow
from tests.store.place import Place

WORKERS = ("w0", "w1")
MOST_TAKEOVERS = 3
MOST_EXECUTIONS = 6
OUTCOME = ("status", "reason", "output", "error", "started_at", "completed_at", "claim_no", "takeovers")

# What is listed twice happens twice as often.
OPERATIONS = (
    *("claim", "claim", "claim", "claim", "renew", "complete", "complete", "fail", "cancel", "stop"),
    *("wait", "wait_for_news", "signal", "start_child", "wake_up", "send_waits", "send_delayed"),
    *("hand_back", "expire", "tick", "send_again", "hold", "release", "retry"),
)


@dataclass
class Machine:
    """Some executions, and all that was seen of them."""

    place: Place
    ids: list[UUID]
    owners: dict[tuple[UUID, int], str] = field(default_factory=dict)

    def rows(self) -> dict[UUID, Row[Any]]:
        """Give all executions by id."""
        return {row.id: row for row in self.place.sql("SELECT *, now() AS seen_at FROM executions")}

    def do(self, name: str, which: int, strange: bool = False, late: bool = False) -> None:
        """Make one operation in a transaction of its own: by the owner if there is one, or by a stranger.

        With `late` it names the claim before the latest.
        """
        row = self.place.row(self.ids[which % len(self.ids)])
        owner = row.worker or WORKERS[0]
        worker = WORKERS[owner == WORKERS[0]] if strange else owner
        with self.place.transaction() as tx:
            getattr(self, name)(tx, row.id, worker, max(0, row.claim_no - late))

    # -- workers --

    def claim(self, tx: Connection, execution_id: UUID, worker: str, _: int) -> None:
        for row in claims.claim_many(tx, [execution_id], worker, 30):
            assert (row.id, row.claim_no) not in self.owners
            self.owners[row.id, row.claim_no] = worker

    def renew(self, tx: Connection, _: UUID, worker: str, __: int) -> None:
        claims.renew(tx, self.ids, worker, 30)

    def complete(self, tx: Connection, execution_id: UUID, worker: str, claim_no: int) -> None:
        self._settle(tx, worker, (execution_id, claim_no, Settlement(Status.COMPLETED, output="1"), 1))

    def fail(self, tx: Connection, execution_id: UUID, worker: str, claim_no: int) -> None:
        end = Settlement(Status.FAILED, Reason.STEP_FAILED, error="no")
        self._settle(tx, worker, (execution_id, claim_no, end, 1))

    def _settle(self, tx: Connection, worker: str, end: tuple[UUID, int, Settlement, int]) -> None:
        """Settle as a flush does: lock with the parent, write the step of what is still ours, wake."""
        execution_id, claim_no, settlement, _ = end
        parent = self.place.row(execution_id).parent_id
        locked = flushes.lock(tx, [execution_id, parent] if parent else [execution_id])[execution_id]
        if (locked.worker, locked.claim_no, locked.status) == (worker, claim_no, "running"):
            status = StepStatus.COMPLETED if settlement.output else StepStatus.FAILED
            self._write_step(tx, execution_id, status, locked.cancelled)
        changed = flushes.settle(tx, worker, [end])
        assert changed == 0 or self.owners[execution_id, claim_no] == worker
        if changed:
            news.wake_parents(tx, [execution_id])

    def _write_step(self, tx: Connection, execution_id: UUID, status: StepStatus, cancelled: bool) -> None:
        if cancelled:
            return
        [now] = tx.exec_driver_sql("SELECT now() AS at")
        error = None if status is StepStatus.COMPLETED else "no"
        row = StepRow(
            "one", 0, "transform", None, status, 1, error=error, started_at=now.at, completed_at=now.at
        )
        steps.write(tx, [(execution_id, self.place.scope.workspace_id, row)])

    def stop(self, tx: Connection, execution_id: UUID, worker: str, _: int) -> None:
        flushes.settle_cancelled(tx, worker, [execution_id])

    def wait(self, tx: Connection, execution_id: UUID, worker: str, claim_no: int) -> None:
        self._suspend(tx, (execution_id, claim_no), worker, timedelta(seconds=60))

    def wait_for_news(self, tx: Connection, execution_id: UUID, worker: str, claim_no: int) -> None:
        self._suspend(tx, (execution_id, claim_no), worker, None, "one")

    def _suspend(
        self, tx: Connection, owned: tuple[UUID, int], worker: str, rest: timedelta | None, *places: str
    ) -> None:
        [now] = tx.exec_driver_sql("SELECT now() AS at")
        until: datetime | None = None if rest is None else now.at + rest
        flushes.lock(tx, [owned[0]])
        flushes.suspend(tx, worker, [(*owned, Suspension(until, None, places))])

    def hand_back(self, tx: Connection, execution_id: UUID, worker: str, claim_no: int) -> None:
        """Hand back as a flush does: what is flagged to be cancelled is settled instead."""
        if flushes.lock(tx, [execution_id])[execution_id].cancelled:
            flushes.settle_cancelled(tx, worker, [execution_id])
            return
        claims.hand_back(tx, [(execution_id, claim_no)], worker)

    def start_child(self, tx: Connection, execution_id: UUID, worker: str, claim_no: int) -> None:
        if len(self.ids) < MOST_EXECUTIONS:
            parent = Parent(execution_id, self.place.scope.workspace_id, claim_no, worker)
            checks = Checks(lambda _, __: None, Allowance())
            made = children.start(tx, parent, "one", self.place.workflow_id, {}, checks)
            if not isinstance(made, Refused) and made.id not in self.ids:
                assert self.owners[execution_id, claim_no] == worker
                self.ids.append(made.id)

    # -- callers --

    def cancel(self, tx: Connection, execution_id: UUID, _: str, __: int) -> None:
        executions.cancel_many(tx, self.place.scope.workspace_id, [execution_id], Reason.REQUESTED, None)

    def signal(self, tx: Connection, execution_id: UUID, _: str, __: int) -> None:
        row = signals.lock_execution(tx, self.place.scope.workspace_id, None, execution_id)
        assert row is not None
        step = signals.step_of(tx, row, "one")
        if row.status not in FINAL and step is not None and not step.signalled:
            signals.keep(tx, execution_id, "one", "1")
            signals.wake(tx, execution_id)

    def retry(self, tx: Connection, execution_id: UUID, _: str, __: int) -> None:
        if len(self.ids) < MOST_EXECUTIONS and (old := self.place.row(execution_id)).status in FINAL:
            reused = (Reused("one", 0),) if old.status == "completed" else ()
            draft = self.place.draft(retry_of=old.id, attempt=old.attempt + 1, reused=reused)
            self.ids.append(executions.create_many(tx, [draft])[0].id)

    # -- the clock, and time --

    def expire(self, tx: Connection, execution_id: UUID, _: str, __: int) -> None:
        self._move(tx, execution_id, "lease_expires_at = now() - interval '1 s'", "worker IS NOT NULL")

    def wake_up(self, tx: Connection, execution_id: UUID, _: str, __: int) -> None:
        self._move(tx, execution_id, "wake_at = now() - interval '1 s'", "wake_at > now()")

    def _move(self, tx: Connection, execution_id: UUID, change: str, where: str) -> None:
        tx.exec_driver_sql(
            f"UPDATE executions SET {change} WHERE id = %(id)s AND {where}", {"id": str(execution_id)}
        )

    def tick(self, tx: Connection, _: UUID, __: str, ___: int) -> None:
        claims.take_over_lost(tx, MOST_TAKEOVERS, 10)

    def send_again(self, tx: Connection, _: UUID, __: str, ___: int) -> None:
        [now] = tx.exec_driver_sql("SELECT now() + interval '1 s' AS at")
        claims.send_again(tx, now.at, 10)

    def send_waits(self, tx: Connection, _: UUID, __: str, ___: int) -> None:
        claims.send_due_waits(tx, 10)

    def send_delayed(self, tx: Connection, _: UUID, __: str, ___: int) -> None:
        claims.send_delayed(tx, 10)

    def hold(self, tx: Connection, execution_id: UUID, _: str, __: int) -> None:
        firing.buffer(tx, [execution_id])

    def release(self, tx: Connection, _: UUID, __: str, ___: int) -> None:
        firing.release_buffered(tx, 10)

    # -- the end --

    def finish(self) -> None:
        """Let time pass and healthy workers work until nothing is left to do."""
        for _ in range(2 * MOST_TAKEOVERS):
            if all(row.status in FINAL for row in self.rows().values()):
                return
            self.place.sql("UPDATE executions SET run_at = created_at WHERE run_at > now()")
            for name in ("signal", "wake_up", "expire", "tick", "release", "claim", "complete", "stop"):
                for which in range(len(self.ids)):
                    self.do(name, which)


def check(before: Row[Any], after: Row[Any], name: str) -> None:
    """See that what happened to an execution is legal."""
    old, new = Status(before.status), Status(after.status)
    if old in FINAL:
        assert [getattr(after, column) for column in OUTCOME] == [
            getattr(before, column) for column in OUTCOME
        ]
        return
    assert new is old or new in MOVES[old], (name, old, new)
    assert after.takeovers == before.takeovers or (name == "tick" and after.takeovers == before.takeovers + 1)
    assert before.started_at in (None, after.started_at)
    assert not (before.cancel_requested_at and new in (Status.COMPLETED, Status.FAILED)), name
    assert (after.worker is None) or new is Status.RUNNING
    assert after.takeovers < MOST_TAKEOVERS or after.reason == "crashed"
    check_owner(before, after, name)


def check_owner(before: Row[Any], after: Row[Any], name: str) -> None:
    """See that ownership changes by a claim alone, and that nobody claims what is another's or waits."""
    if after.claim_no != before.claim_no:
        assert (name, after.claim_no) == ("claim", before.claim_no + 1)
        assert before.worker in (None, after.worker)
        assert before.waiting_since is None or before.wake_at is None or before.wake_at <= after.seen_at
        assert before.run_at is None or before.run_at <= after.seen_at
    else:
        assert after.worker in (None, before.worker), name


def check_news(machine: Machine, rows: dict[UUID, Row[Any]]) -> None:
    """See that nothing sleeps on whose news have come."""
    told = {row.execution_id for row in machine.place.sql("SELECT execution_id FROM execution_signals")}
    told |= {row.parent_id for row in rows.values() if row.parent_id and row.status in FINAL}
    for row in rows.values():
        if row.id in told and row.waiting_since is not None and row.status == "running":
            assert row.wake_at is not None, "it waits for news that are there"

"""Moves in any order: only legal ones happen, an end is final, and a claim is never written under twice."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from app.states import FINAL, MOVES, Reason, Status
from app.store import claims, executions, flushes
from app.store.flushes import Settlement
from tests.store.place import Place

WORKERS = ("w0", "w1")
OUTCOME = ("status", "reason", "output", "error", "started_at", "completed_at", "claim_no", "takeovers")

# What may happen, to which of two executions, by which worker, under which of its claims (0 is the latest).
OPERATIONS = (
    *("claim", "claim", "renew", "complete", "fail", "cancel"),
    *("stop", "hand_back", "expire", "tick", "send_again"),
)
operation = st.tuples(
    st.sampled_from(OPERATIONS), st.integers(0, 1), st.sampled_from(WORKERS), st.integers(0, 1)
)


@dataclass
class Machine:
    """Two executions, and all that was seen of them."""

    place: Place
    ids: list[UUID]
    owners: dict[tuple[UUID, int], str] = field(default_factory=dict)

    def do(self, name: str, which: int, worker: str, late: int) -> None:
        """Make one operation in a transaction of its own."""
        execution_id = self.ids[which]
        claim_no = max(0, self.place.row(execution_id).claim_no - late)
        with self.place.transaction() as tx:
            getattr(self, name)(tx, execution_id, worker, claim_no)

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
        changed = flushes.settle(tx, worker, [end])
        assert changed == 0 or self.owners[end[0], end[1]] == worker

    def cancel(self, tx: Connection, execution_id: UUID, _: str, __: int) -> None:
        executions.cancel_many(tx, self.place.scope.workspace_id, [execution_id], Reason.REQUESTED, None)

    def stop(self, tx: Connection, execution_id: UUID, worker: str, _: int) -> None:
        flushes.settle_cancelled(tx, worker, [execution_id])

    def hand_back(self, tx: Connection, execution_id: UUID, worker: str, claim_no: int) -> None:
        claims.hand_back(tx, [(execution_id, claim_no)], worker)

    def expire(self, tx: Connection, execution_id: UUID, _: str, __: int) -> None:
        query = (
            "UPDATE executions SET lease_expires_at = now() - interval '1 s' "
            "WHERE id = %(id)s AND worker IS NOT NULL"
        )
        tx.exec_driver_sql(query, {"id": str(execution_id)})

    def tick(self, tx: Connection, _: UUID, __: str, ___: int) -> None:
        claims.take_over_lost(tx, 3, 10)

    def send_again(self, tx: Connection, _: UUID, __: str, ___: int) -> None:
        [now] = tx.exec_driver_sql("SELECT now() + interval '1 s' AS at")
        claims.send_again(tx, now.at, 10)


def check(before: Any, after: Any, name: str) -> None:
    """See that what happened to an execution is legal."""
    old, new = Status(before.status), Status(after.status)
    if old in FINAL:
        assert [getattr(after, column) for column in OUTCOME] == [
            getattr(before, column) for column in OUTCOME
        ]
        return
    assert new is old or new in MOVES[old], (name, old, new)
    assert after.claim_no == before.claim_no or (name == "claim" and after.claim_no == before.claim_no + 1)
    assert after.takeovers == before.takeovers or (name == "tick" and after.takeovers == before.takeovers + 1)
    assert before.started_at in (None, after.started_at)
    assert not (before.cancel_requested_at and new in (Status.COMPLETED, Status.FAILED)), name
    assert (after.worker is None) or new is Status.RUNNING
    assert after.takeovers < 3 or after.reason == "crashed"


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(operations=st.lists(operation, min_size=8, max_size=25))
def test_moves_in_any_order_keep_the_rules(place: Place, operations: list[tuple[str, int, str, int]]) -> None:
    machine = Machine(place, place.add(2))

    for name, which, worker, late in operations:
        before = [place.row(i) for i in machine.ids]
        machine.do(name, which, worker, late)
        for old, execution_id in zip(before, machine.ids, strict=True):
            check(old, place.row(execution_id), name)


def test_an_execution_can_always_be_brought_to_an_end(place: Place) -> None:
    [execution_id] = place.add()
    machine = Machine(place, [execution_id, *place.add()])
    for name in ("claim", "expire", "tick", "claim", "hand_back", "claim", "cancel", "expire", "tick"):
        machine.do(name, 0, "w0", 0)

    row = place.row(execution_id)

    assert (row.status, row.reason, row.claim_no, row.takeovers) == ("cancelled", "requested", 3, 1)

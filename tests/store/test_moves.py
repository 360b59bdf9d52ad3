"""Moves in any order: only legal ones happen, an end is final, and a claim is never written under twice."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.states import FINAL, MOVES, Reason, Status
from app.store import claims, executions, flushes
from app.store.flushes import Settlement
from tests.store.place import Place

WORKERS = ("w0", "w1")
OUTCOME = ("status", "reason", "output", "error", "started_at", "completed_at", "claim_no", "takeovers")
DONE = Settlement(Status.COMPLETED, output="1")
FAILED = Settlement(Status.FAILED, Reason.STEP_FAILED, error="no")

# What may happen, to which of two executions, by which worker, under which of its claims (0 is the latest).
OPERATIONS = (
    *("claim", "claim", "renew", "complete", "fail", "cancel"),
    *("stop", "hand back", "expire", "tick", "send again"),
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
            self._do(tx, name, execution_id, worker, claim_no)

    def _do(self, tx: Any, name: str, execution_id: UUID, worker: str, claim_no: int) -> None:
        workspace_id = self.place.scope.workspace_id
        match name:
            case "claim":
                for row in claims.claim_many(tx, [execution_id], worker, 30):
                    assert (row.id, row.claim_no) not in self.owners
                    self.owners[row.id, row.claim_no] = worker
            case "renew":
                claims.renew(tx, self.ids, worker, 30)
            case "complete" | "fail":
                end = DONE if name == "complete" else FAILED
                self._settle(tx, execution_id, worker, claim_no, end)
            case "cancel":
                executions.cancel_many(tx, workspace_id, [execution_id], Reason.REQUESTED, None)
            case "stop":
                flushes.settle_cancelled(tx, worker, [execution_id])
            case "hand back":
                claims.hand_back(tx, [(execution_id, claim_no)], worker)
            case "expire":
                tx.exec_driver_sql(
                    "UPDATE executions SET lease_expires_at = now() - interval '1 s' "
                    "WHERE id = %(id)s AND worker IS NOT NULL",
                    {"id": str(execution_id)},
                )
            case "tick":
                claims.take_over_lost(tx, 3, 10)
            case "send again":
                [now] = tx.exec_driver_sql("SELECT now() + interval '1 s' AS at")
                claims.send_again(tx, now.at, 10)

    def _settle(self, tx: Any, execution_id: UUID, worker: str, claim_no: int, end: Settlement) -> None:
        changed = flushes.settle(tx, worker, [(execution_id, claim_no, end, 1)])
        assert changed == 0 or self.owners[execution_id, claim_no] == worker


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
    for name in ("claim", "expire", "tick", "claim", "hand back", "claim", "cancel", "expire", "tick"):
        machine.do(name, 0, "w0", 0)

    row = place.row(execution_id)

    assert (row.status, row.reason, row.claim_no, row.takeovers) == ("cancelled", "requested", 3, 1)

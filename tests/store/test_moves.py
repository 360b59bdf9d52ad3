"""Moves in any order: only legal ones happen, an end is final, and everything can be brought to one."""

from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.store import claims
from tests.store.moves import OPERATIONS, Machine, check, check_news
from tests.store.place import Place

seldom = st.sampled_from([False] * 5 + [True])
operation = st.tuples(st.sampled_from(OPERATIONS), st.sampled_from([0, 0, 0, 0, 1, 2]), seldom, seldom)
SOON = datetime(2100, 1, 1, tzinfo=UTC)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(operations=st.lists(operation, min_size=10, max_size=24))
def test_moves_in_any_order_keep_the_rules(
    place: Place, operations: list[tuple[str, int, bool, bool]]
) -> None:
    place.sql("DELETE FROM executions")
    machine = Machine(place, [*place.running(), *place.add(run_at=SOON)])
    machine.owners[machine.ids[0], 1] = "w1"
    before = machine.rows()

    for name, which, strange, late in operations:
        machine.do(name, which, strange, late)
        after = machine.rows()
        for execution_id, old in before.items():
            check(old, after[execution_id], name)
        check_news(machine, after)
        before = after
    machine.finish()

    assert set(place.statuses().values()) <= {"completed", "failed", "cancelled"}


def test_an_execution_can_always_be_brought_to_an_end(place: Place) -> None:
    [execution_id] = place.add()
    machine = Machine(place, [execution_id, *place.add()])
    for name in ("claim", "expire", "tick", "claim", "hand_back", "claim", "cancel", "expire", "tick"):
        machine.do(name, 0)

    row = place.row(execution_id)

    assert (row.status, row.reason, row.claim_no, row.takeovers) == ("cancelled", "requested", 3, 1)


def test_what_was_cancelled_is_not_handed_back(place: Place) -> None:
    machine = Machine(place, place.running(worker="w0"))
    machine.do("cancel", 0)

    with place.transaction() as tx:
        claims.hand_back(tx, [(machine.ids[0], 1)], "w0")
    for name in ("tick", "send_again", "claim", "stop"):
        machine.do(name, 0)

    assert place.row(machine.ids[0]).status == "cancelled"

"""Idempotency keys: one claim wins, however many come at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

from app.clock import new_id
from app.store import executions, idempotency
from app.store.idempotency import KeyUse
from tests.store.place import Place


def use(place: Place, key: str = "k", route: str = "trigger", execution_id: UUID | None = None) -> KeyUse:
    """Name a use of a key."""
    return KeyUse(place.scope.workspace_id, route, key, b"hash", (execution_id or new_id(),))


def test_fifty_requests_at_once_make_one_execution(place: Place) -> None:
    together = threading.Barrier(50)

    def ask(_: int) -> bool:
        draft = place.draft()
        together.wait()
        with place.transaction() as tx:
            won = idempotency.claim(tx, use(place, execution_id=draft.id))
            if won:
                executions.create_many(tx, [draft])
            return won

    with ThreadPoolExecutor(50) as pool:
        won = list(pool.map(ask, range(50)))

    assert won.count(True) == 1
    [made] = place.sql("SELECT id FROM executions")
    with place.transaction() as tx:
        [found] = idempotency.find(tx, [use(place)]).values()
    assert list(found.execution_ids) == [made.id]


def test_a_claim_that_is_rolled_back_leaves_the_key_to_the_next(place: Place) -> None:
    with place.engine.connect() as tx:
        assert idempotency.claim(tx, use(place))
        tx.rollback()

    with place.transaction() as tx:
        assert idempotency.find(tx, [use(place)]) == {}
        assert idempotency.claim(tx, use(place))


def test_a_key_is_its_own_in_each_route_and_workspace(place: Place) -> None:
    with place.transaction() as tx:
        assert idempotency.claim(tx, use(place))
        assert idempotency.claim(tx, use(place, route="batch"))
        assert not idempotency.claim(tx, use(place))

    other = replace(use(place), workspace_id=new_id())
    with place.transaction() as tx:
        assert idempotency.find(tx, [other, use(place, key="K")]) == {}


def test_a_key_may_be_used_anew_after_a_day(place: Place) -> None:
    old, new = use(place), use(place)
    with place.transaction() as tx:
        idempotency.claim(tx, old)
    place.sql("UPDATE idempotency_keys SET created_at = now() - interval '24 hours'")

    with place.transaction() as tx:
        found = idempotency.find(tx, [old])
        first, second = idempotency.claim(tx, new), idempotency.claim(tx, use(place))

    assert (found, first, second) == ({}, True, False)
    with place.transaction() as tx:
        assert tuple(idempotency.find(tx, [old])[new.place].execution_ids) == new.execution_ids


def test_old_keys_are_forgotten_in_batches(place: Place) -> None:
    with place.transaction() as tx:
        for number in range(7):
            idempotency.claim(tx, use(place, f"k{number}"))
    place.sql("UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key <> 'k6'")

    gone = []
    for _ in range(3):
        with place.transaction() as tx:
            gone.append(idempotency.forget_old(tx, 4))

    assert gone == [4, 2, 0]
    assert [row.key for row in place.sql("SELECT key FROM idempotency_keys")] == ["k6"]

"""Limits of what may be made: refused beyond them, exactly where they are small."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from app.errors import DailyLimit, TooManyPending
from app.store import executions, quotas
from app.store.allowance import Allowance
from tests.store.place import Place, end, limit


@pytest.mark.parametrize("exact", [True, False])
def test_more_pending_than_allowed_are_refused(
    place: Place, exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.allowance.EXACT_UP_TO", 1000 if exact else 1)
    limit(place, max_pending_executions=3)
    place.add(2)
    allowance = Allowance()

    with place.transaction() as tx:
        now = allowance.open(tx, {place.scope.workspace_id})
        now.take(place.scope.workspace_id, 1)
        with pytest.raises(TooManyPending) as refused:
            now.take(place.scope.workspace_id, 1)

    assert refused.value.retry_after == 5
    assert "3 pending executions" in refused.value.detail


def test_more_than_a_day_allows_are_refused_until_midnight(place: Place) -> None:
    limit(place, executions_per_day=2)
    ids = place.running(2)
    end(place, ids)

    with place.transaction() as tx, pytest.raises(DailyLimit) as refused:
        Allowance().open(tx, {place.scope.workspace_id}).take(place.scope.workspace_id, 1)

    assert 0 < (refused.value.retry_after or 0) <= 86_400


def test_what_was_made_yesterday_does_not_count(place: Place) -> None:
    limit(place, executions_per_day=1)
    yesterday = "0" + "18bcfe56800" + "7" + "0" * 19
    place.add(id=UUID(yesterday))

    with place.transaction() as tx:
        Allowance().open(tx, {place.scope.workspace_id}).take(place.scope.workspace_id, 1)
        made = quotas.made_today(tx, place.scope.workspace_id, 10)

    assert made == 0


def test_triggers_at_once_never_pass_a_small_limit_together(place: Place) -> None:
    limit(place, max_pending_executions=5)
    ready = threading.Barrier(8)

    def make(_: int) -> bool:
        ready.wait()
        with place.transaction() as tx:
            try:
                Allowance().open(tx, {place.scope.workspace_id}).take(place.scope.workspace_id, 1)
            except TooManyPending:
                return False
            executions.create_many(tx, [place.draft()])
            return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(make, range(8))) == 5

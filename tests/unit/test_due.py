"""Which instants of a schedule are late enough to count as missed."""

from datetime import UTC, datetime, timedelta

import pytest

from app.services.cron import parse
from app.services.due import CatchUp, Instant, due

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOON = parse("0 12 * * *", "UTC")


@pytest.mark.parametrize("catch_up", CatchUp)
def test_an_instant_found_at_most_10_seconds_late_is_always_fired(catch_up: CatchUp) -> None:
    found = due(NOON, AT, AT + timedelta(seconds=10), catch_up)

    assert (found.instants, found.missed) == ((Instant(AT),), None)


def test_an_instant_found_later_is_missed() -> None:
    later = AT + timedelta(seconds=10, microseconds=1)

    none, one = (due(NOON, AT, later, catch_up) for catch_up in (CatchUp.NONE, CatchUp.ONE))

    assert none.missed is not None
    assert (none.instants, none.missed.at, none.missed.count) == ((), AT, 1)
    assert (one.instants, one.missed) == ((Instant(AT, late=True),), None)

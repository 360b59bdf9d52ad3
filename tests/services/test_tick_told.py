"""What the tick repaired, and what it could not, is told."""

import pytest
from flask import Flask

from app.errors import DatabaseUnavailable
from app.services import readiness, tick
from app.store import counters
from tests.services.clockwork import Clockwork, make_tick
from tests.store.place import Place


def reasons(app: Flask) -> list[str]:
    """Say what is not in order."""
    with app.app_context():
        return readiness.reasons()


def test_a_pass_that_keeps_failing_is_told_until_it_succeeds(app: Flask, place: Place) -> None:
    place.sql("ALTER TABLE idempotency_keys RENAME TO gone")
    try:
        make_tick(app)
        at_once = reasons(app)
        place.sql("UPDATE tick_repairs SET failing_since = failing_since - interval '40 s'")
        make_tick(app)
        later = reasons(app)
        with place.transaction() as tx:
            [failing] = counters.failing(tx, 0)
    finally:
        place.sql("ALTER TABLE gone RENAME TO idempotency_keys")

    make_tick(app)

    assert (at_once, reasons(app)) == ([], [])
    [reason] = later
    assert "forget_idempotency_keys has failed for " in reason
    assert "relation" not in reason
    assert failing.failure.startswith('relation "idempotency_keys" does not exist')


def test_a_server_that_is_away_is_no_failure_of_a_pass(without_redis: Flask, place: Place) -> None:
    make_tick(without_redis)

    with place.transaction() as tx:
        assert tx.exec_driver_sql("SELECT * FROM tick_repairs WHERE failed_at IS NOT NULL").all() == []


def test_a_server_that_every_pass_misses_is_told_once_a_round(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def miss() -> None:
        raise DatabaseUnavailable("The database cannot be reached: try again shortly")

    with app.app_context(), caplog.at_level("WARNING", "app.services.tick"):
        tick.Round().make_all([miss, miss, miss])

    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_fires_between_two_passes_are_counted_too(app: Flask, place: Place, clockwork: Clockwork) -> None:
    made = clockwork.add(cron="0 0 1 1 *")
    [row] = place.sql("SELECT date_trunc('second', now() AT TIME ZONE 'UTC') + interval '1 second' AS at")
    cron = f"{row.at.second} {row.at.minute} {row.at.hour} {row.at.day} {row.at.month} *"
    clockwork.set(made, f"cron = '{cron}', next_fire_at = '{row.at.isoformat()}Z'")

    for _ in range(20):
        make_tick(app)
        if clockwork.fires(made):
            break

    with place.transaction() as tx:
        assert counters.repairs(tx).get("fire_due_schedules") == len(clockwork.fires(made)) == 1

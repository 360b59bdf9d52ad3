"""What becomes of instants that nobody was there to fire."""

import pytest

from tests.services.clockwork import Clockwork


def test_catch_up_one_fires_the_latest_and_records_the_rest_as_one(clockwork: Clockwork) -> None:
    made = clockwork.due(60, catch_up="one")
    first = clockwork.row(made).next_fire_at

    clockwork.fire()

    missed, late, *punctual = clockwork.fires(made)
    assert (missed.outcome, missed.reason, missed.scheduled_for) == ("missed", None, first)
    assert missed.count == (missed.until - first).total_seconds() + 1 >= 48
    assert (missed.fired_at, missed.execution_id) == (None, None)
    assert (late.outcome, late.reason) == ("fired", "catch_up")
    assert 10 <= len(punctual) <= 12
    assert {(fire.outcome, fire.reason) for fire in punctual} == {("fired", None)}
    clockwork.accounted(made, first)


def test_catch_up_none_fires_none_of_them(clockwork: Clockwork) -> None:
    made = clockwork.due(60, catch_up="none")
    first = clockwork.row(made).next_fire_at

    clockwork.fire()

    assert clockwork.outcomes(made)[0] == ("missed", None)
    assert set(clockwork.outcomes(made)[1:]) == {("fired", None)}
    clockwork.accounted(made, first)


def test_catch_up_all_fires_each_in_order(clockwork: Clockwork) -> None:
    made = clockwork.due(60, catch_up="all")
    first = clockwork.row(made).next_fire_at

    clockwork.fire()

    assert clockwork.outcomes(made)[:48] == [("fired", "catch_up")] * 48
    assert [row.id for row in clockwork.executions(made)] == sorted(
        row.id for row in clockwork.executions(made)
    )
    clockwork.accounted(made, first)


def test_catch_up_all_fires_at_most_the_latest_100(clockwork: Clockwork) -> None:
    made = clockwork.due(200, catch_up="all")
    first = clockwork.row(made).next_fire_at

    clockwork.fire()

    assert clockwork.outcomes(made).count(("fired", "catch_up")) == 100
    assert clockwork.outcomes(made)[0] == ("missed", None)
    assert clockwork.fires(made)[0].count >= 89
    clockwork.accounted(made, first)


def test_a_single_missed_instant_has_no_until(clockwork: Clockwork) -> None:
    made = clockwork.due(12, cron="*/2 * * * * *", catch_up="none")
    clockwork.set(made, "cron = '0 0 1 1 *'")
    [row] = clockwork.place.sql("SELECT date_trunc('second', now()) - interval '30 seconds' AS at")
    clockwork.set(
        made, f"cron = '{row.at.second} {row.at.minute} * * * *', next_fire_at = '{row.at.isoformat()}'"
    )

    clockwork.fire()

    [fire] = clockwork.fires(made)
    assert (fire.outcome, fire.scheduled_for, fire.until, fire.count) == ("missed", row.at, None, 1)


@pytest.mark.parametrize("catch_up", ["one", "none", "all"])
def test_an_outage_of_a_year_is_one_row(clockwork: Clockwork, catch_up: str) -> None:
    year = 365 * 86_400
    made = clockwork.due(year, cron="* * * * *", catch_up=catch_up)

    clockwork.fire()

    missed = clockwork.fires(made)[0]
    assert missed.outcome == "missed"
    assert abs(missed.count - year // 60) <= 101


def test_each_caught_up_instant_follows_the_overlap_policy(clockwork: Clockwork) -> None:
    made = clockwork.due(60, catch_up="all", overlap="skip")

    clockwork.fire()

    assert clockwork.outcomes(made)[:2] == [("fired", "catch_up"), ("skipped", "overlap")]
    assert len(clockwork.executions(made)) == 1


def test_two_outages_are_two_rows(clockwork: Clockwork) -> None:
    made = clockwork.due(300, catch_up="none")
    first = clockwork.row(made).next_fire_at
    clockwork.set(made, "cron = '*/30 * * * * *'")
    clockwork.fire()
    clockwork.place.sql(
        "UPDATE schedule_fires SET scheduled_for = scheduled_for - interval '1 day', until = NULL, count = 1"
    )
    clockwork.set(made, f"next_fire_at = '{first.isoformat()}'")

    clockwork.fire()

    assert [fire.outcome for fire in clockwork.fires(made)].count("missed") == 2

"""Cron patterns in time zones, against a reference that looks at every moment."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.services.cron import BadCron, BadZone, Cron, parse


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


ZONES = {
    "UTC": at("2026-03-29T01:00"),
    "Europe/Berlin": at("2026-03-29T01:00"),
    "America/New_York": at("2026-11-01T06:00"),
    "Europe/London": at("2026-10-25T01:00"),
    "Australia/Lord_Howe": at("2026-04-04T15:00"),
    "America/Santiago": at("2026-09-06T04:00"),
    "Africa/Cairo": at("2026-04-23T22:00"),
    "Asia/Kathmandu": at("2026-04-23T22:00"),
    "Pacific/Apia": at("2011-12-30T10:00"),
}


def local(cron: str, zone: str, after: str, count: int = 3) -> list[str]:
    found = parse(cron, zone)
    return [found.local(instant).isoformat() for instant in found.instants(at(after), count)]


@st.composite
def field(draw: st.DrawFn, highest: int) -> tuple[str, set[int]]:
    """Draw a field with the values that it means."""
    everything = range(highest + 1)
    kind = draw(st.sampled_from(["any", "one", "list", "steps"]))
    if kind == "any":
        return "*", set(everything)
    if kind == "steps":
        step = draw(st.integers(1, highest))
        return f"*/{step}", set(everything[::step])
    values = draw(st.sets(st.integers(0, highest), min_size=1, max_size=1 if kind == "one" else 4))
    return ",".join(map(str, values)), values


@st.composite
def patterns(draw: st.DrawFn) -> tuple[str, set[int], set[int], set[int]]:
    """Draw a pattern of 5 or 6 fields of which all days match, with its seconds, minutes and hours."""
    minute, minutes = draw(field(59))
    hour, hours = draw(st.one_of(field(23), st.integers(0, 4).map(lambda n: (str(n), {n}))))
    if draw(st.booleans()):
        return f"{minute} {hour} * * *", {0}, minutes, hours
    second, seconds = draw(field(59))
    return f"{second} {minute} {hour} * * *", seconds, minutes, hours


def reference(
    cron: str, zone: str, times: tuple[set[int], set[int], set[int]], after: datetime, until: datetime
) -> list[datetime]:
    """Look at every second: what the clock shows, and what it never showed or shows again."""
    seconds, minutes, hours = times
    parts = cron.split()
    fixed = len(parts) == 5 and "*" not in (parts[0][0], parts[1][0])
    found, shown, last = [], set(), None
    moment = after - timedelta(hours=26) if fixed else after
    step = timedelta(minutes=1) if seconds == {0} else timedelta(seconds=1)
    while moment <= until:
        now = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        passed = [now]
        if fixed and last is not None and now - last > step:
            passed += [last + step * n for n in range(1, (now - last) // step)]
        matches = any(
            time not in shown and time.second in seconds and time.minute in minutes and time.hour in hours
            for time in passed
        )
        if fixed:
            shown |= set(passed)
        if matches and moment > after:
            found.append(moment)
        last, moment = now, moment + step
    return found


@settings(max_examples=150, deadline=None)
@given(
    pattern=patterns(),
    zone=st.sampled_from(sorted(ZONES)),
    hours=st.integers(-30, 6),
    minutes=st.integers(0, 59),
)
@example(pattern=("30 2 * * *", {0}, {30}, {2}), zone="Europe/Berlin", hours=-3, minutes=0)
@example(pattern=("*/30 * * * *", {0}, {0, 30}, set(range(24))), zone="Europe/London", hours=-1, minutes=45)
@example(pattern=("30 1 * * *", {0}, {30}, {1}), zone="Europe/London", hours=0, minutes=10)
@example(pattern=("0,30 0 * * *", {0}, {0, 30}, {0}), zone="America/Santiago", hours=-8, minutes=0)
def test_instants_are_those_of_a_look_at_every_moment(
    pattern: tuple[str, set[int], set[int], set[int]], zone: str, hours: int, minutes: int
) -> None:
    cron, *times = pattern
    after = ZONES[zone] + timedelta(hours=hours, minutes=minutes)
    until = after + (timedelta(hours=3) if times[0] != {0} else timedelta(hours=36))
    wanted = reference(cron, zone, (times[0], times[1], times[2]), after, until)

    found = parse(cron, zone)

    assert found.between(after, until) == wanted
    assert found.count(after, until) == len(wanted)
    assert found.latest(after, until, 5) == wanted[-5:]
    assert found.next_after(after) == (wanted[0] if wanted else found.next_after(until))


@settings(max_examples=100, deadline=None)
@given(
    pattern=patterns(),
    zone=st.sampled_from(sorted(ZONES)),
    day=st.integers(0, 20_000),
    second=st.integers(0, 86_399),
)
def test_instants_rise_and_lie_after_the_moment(
    pattern: tuple[str, set[int], set[int], set[int]], zone: str, day: int, second: int
) -> None:
    moment = datetime(1980, 1, 1, tzinfo=UTC) + timedelta(days=day, seconds=second, microseconds=1)

    found = parse(pattern[0], zone).instants(moment, 5)

    assert [moment, *found] == sorted({moment, *found})
    assert len(found) == 5


def test_a_time_that_does_not_exist_fires_at_the_next_valid_moment() -> None:
    found = local("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", 2)

    assert found == ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]


def test_two_times_that_do_not_exist_fire_once() -> None:
    found = local("0,30 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00", 3)

    assert found == ["2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00", "2026-03-30T02:00:00+02:00"]


def test_a_time_that_exists_twice_fires_the_first_time() -> None:
    found = local("30 1 * * *", "America/New_York", "2026-10-31T12:00", 2)

    assert found == ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"]


def test_a_fixed_time_asked_for_inside_the_repeated_hour_is_not_in_the_past() -> None:
    found = local("45 1 * * *", "America/New_York", "2026-11-01T06:10", 1)

    assert found == ["2026-11-02T01:45:00-05:00"]


def test_other_patterns_follow_real_time() -> None:
    spring = local("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:10", 3)
    autumn = local("@hourly", "Europe/Berlin", "2026-10-24T23:50", 3)
    seconds = local("0 30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", 2)
    minutes = local("*/30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", 4)

    assert spring == ["2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"]
    assert autumn == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"]
    assert seconds == ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]
    assert [text[8:] for text in minutes] == [
        *("25T02:00:00+02:00", "25T02:30:00+02:00", "25T02:00:00+01:00", "25T02:30:00+01:00"),
    ]


def test_day_and_weekday_both_set_mean_either() -> None:
    found = local("0 0 29 2 1", "UTC", "2026-01-31T00:00", 4)

    assert [text[:10] for text in found] == ["2026-02-02", "2026-02-09", "2026-02-16", "2026-02-23"]


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ],
)
def test_a_name_stands_for_its_pattern(name: str, same: str) -> None:
    assert local(name, "Europe/Berlin", "2026-03-28T12:00", 9) == local(
        same, "Europe/Berlin", "2026-03-28T12:00", 9
    )


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("", "5 fields"),
        ("* * * *", "5 fields"),
        ("* * * * * * *", "5 fields"),
        ("@reboot", "@hourly"),
        ("60 * * * *", "minute"),
        ("x * * * *", "minute"),
        ("*/0 * * * *", "minute"),
        ("0 24 * * *", "hour"),
        ("0 0 32 * *", "day of month"),
        ("0 0 * 13 *", "month"),
        ("0 0 * * 8", "weekday"),
        ("60 * * * * *", "second"),
        ("0 0 31 2 *", "Never fires"),
        ("0 0 30 2 *", "Never fires"),
        ("0 0 31 4,6 *", "Never fires"),
        ("* " * 200, "256"),
        ("0 0 * * 1#6", "weekday"),
        ("٣ * * * *", "minute"),
        ("*/61 * * * *", "minute, '\\*/61', has a step over 60"),
        ("0 0-12/25 * * *", "hour"),
        ("0 0 */32 * *", "day of month"),
        ("0 0 1 1,*/13 *", "month"),
        ("0 0 * * */8", "weekday"),
        ("*/61 * * * * *", "second"),
    ],
)
def test_a_bad_pattern_is_refused_with_the_reason(cron: str, said: str) -> None:
    with pytest.raises(BadCron, match=said):
        Cron(cron, "UTC")


@pytest.mark.parametrize(
    "name", ["", "Mars", "europe/berlin", "../../etc/passwd", "America", "localtime", "UTC\0"]
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(BadZone):
        parse("* * * * *", name)


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet="0123456789*/,-L#W JANMON@\t", max_size=30))
def test_any_text_is_a_pattern_that_fires_or_is_refused(text: str) -> None:
    try:
        found = Cron(text, "Europe/Berlin")
    except BadCron:
        return

    assert found.next_after(at("2026-03-28T12:00")) is not None


def test_a_year_of_seconds_is_counted_without_walking_over_it() -> None:
    every_second = parse("* * * * * *", "UTC")

    assert every_second.count(at("2025-01-01"), at("2026-01-01")) == 365 * 86_400
    assert len(every_second.latest(at("2025-01-01"), at("2026-01-01"), 100)) == 100

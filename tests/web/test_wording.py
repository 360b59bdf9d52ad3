"""The words of pages: every status, reason and trigger has its own; how durations and times read."""

import re

import pytest

from app.clock import now
from app.states import Reason, Status, StepStatus, TriggeredBy
from app.web import wording
from app.web.static_files import files


def test_every_status_reason_and_trigger_has_words() -> None:
    assert set(wording.STATUSES) == set(StepStatus) >= set(Status)
    assert set(wording.REASONS) == set(Reason)
    assert set(wording.TRIGGERS) == set(TriggeredBy)


def test_every_icon_is_in_the_sprite() -> None:
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', files()["icons.svg"].body.decode()))
    named = {known["icon"] for known in (*wording.STATUSES.values(), *wording.TRIGGERS.values())}

    assert named <= drawn


@pytest.mark.parametrize(
    ("milliseconds", "read"),
    [
        (None, wording.NOTHING),
        (0, "0 ms"),
        (999, "999 ms"),
        (4_230, "4.2 s"),
        (60_000, "1 m 0 s"),
        (192_900, "3 m 12 s"),
        (7_500_000, "2 h 5 m"),
        (180_000_000, "2 d 2 h"),
    ],
)
def test_durations_have_at_most_two_units(milliseconds: float | None, read: str) -> None:
    assert wording.duration(milliseconds) == read


def test_times_are_written_for_machines_and_for_people() -> None:
    at = now().replace(year=2026, month=1, day=2, hour=3, minute=4, second=5, microsecond=6)

    assert wording.instant(at) == wording.instant("2026-01-02T03:04:05.000006Z")
    assert (
        wording.moment(at) == wording.moment("2026-01-02T04:04:05.000006+01:00") == "2026-01-02 03:04:05 UTC"
    )
    assert (wording.instant(None), wording.moment(None)) == ("", wording.NOTHING)

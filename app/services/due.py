"""Which instants of a schedule fire now, and which were missed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from app.services.cron import Cron

PUNCTUAL = timedelta(seconds=10)
MOST_CAUGHT_UP = 100
SECOND, MICROSECOND = timedelta(seconds=1), timedelta(microseconds=1)


class CatchUp(StrEnum):
    """What becomes of instants that were missed."""

    ONE = "one"
    NONE = "none"
    ALL = "all"


CAUGHT_UP = {CatchUp.ONE: 1, CatchUp.NONE: 0, CatchUp.ALL: MOST_CAUGHT_UP}


@dataclass(frozen=True, slots=True)
class Instant:
    """An instant to fire; `late` when it was missed and is caught up with."""

    at: datetime
    late: bool = False


@dataclass(frozen=True, slots=True)
class Missed:
    """The instants of one outage that do not fire: `count` of them, from `at` to `until`."""

    at: datetime
    until: datetime | None
    count: int


@dataclass(frozen=True, slots=True)
class Due:
    """What is due of one schedule, in order, and when it is due next."""

    instants: tuple[Instant, ...]
    missed: Missed | None
    next_at: datetime | None


@lru_cache(maxsize=512)
def due(cron: Cron, first: datetime, now: datetime, catch_up: CatchUp) -> Due:
    """Sort the instants from `first` to `now`: at most 10 s late ones fire, older ones follow `catch_up`.

    It is remembered, since many schedules of a batch have the same pattern and are due at the same instant.
    """
    before = first - SECOND
    punctual_after = (now - PUNCTUAL - MICROSECOND).replace(microsecond=0)
    late, missed = _missed(cron, before, punctual_after, CAUGHT_UP[catch_up])
    instants, next_at = [Instant(at, late=True) for at in late], None
    for at in cron.after(max(before, punctual_after)):
        if at > now:
            next_at = at
            break
        instants.append(Instant(at))
    return Due(tuple(instants), missed, next_at)


def _missed(cron: Cron, after: datetime, until: datetime, most: int) -> tuple[list[datetime], Missed | None]:
    """Give the missed instants that fire late, and all others as one."""
    count = cron.count(after, until)
    if not count:
        return [], None
    latest = cron.latest(after, until, most + 1)
    late, lost = latest[-most:] if most else [], count - min(most, count)
    if not lost:
        return late, None
    start = cron.instants(after, 1)[0]
    end = latest[-most - 1]
    return late, Missed(start, end if lost > 1 else None, lost)

"""Cron patterns in IANA time zones: read here, and turned into the instants at which they fire.

cronsim reads a pattern and walks it over plain local times; what a time zone makes of them is decided here.
"""

import copy
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

MOST_CHARACTERS = 256
NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
FIELDS = ("second", "minute", "hour", "day of month", "month", "weekday")
SIZES = dict(zip(FIELDS, (60, 60, 24, 31, 12, 7), strict=True))
_STEP = re.compile(r"/(\d+)")
SECOND, DAY, WEEK = timedelta(seconds=1), timedelta(days=1), timedelta(days=7)
SOME_DAY = datetime(2024, 1, 1)  # noqa: DTZ001 -- local times of no zone are what cronsim walks over
FIRST_LOOK = timedelta(minutes=1)


class BadCron(ValueError):
    """A pattern that cannot be read, or never fires; says why."""


class BadZone(ValueError):
    """A name that is no IANA time zone."""


@lru_cache(maxsize=4096)
def parse(cron: str, timezone: str) -> "Cron":
    """Read a pattern of 5 fields, of 6 with seconds first, or a name such as `@daily`.

    Raises BadCron, BadZone.
    """
    return Cron(cron, timezone)


class Cron:
    """A pattern in a time zone. Instants are whole seconds in UTC.

    With 5 fields and a fixed minute and hour, as in Debian's cron, a local time that does not exist fires at
    the next valid moment, and one that exists twice fires the first time. Any other pattern follows real
    time: it fires whenever the local clock shows a time that matches.
    """

    def __init__(self, cron: str, timezone: str) -> None:
        parts = _parts(cron)
        self._zone = zone(timezone)
        self._walk = _walk(parts)
        self._is_fixed = len(parts) == 5 and not parts[0].startswith("*") and not parts[1].startswith("*")
        self._per_day = len(self._walk.hours) * len(self._walk.minutes) * len(self._walk.seconds)

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Give the instants after a moment, in order."""
        start = _whole(moment)
        return self._fixed(start) if self._is_fixed else self._real_time(start)

    def instants(self, after: datetime, count: int) -> list[datetime]:
        """Give the next `count` instants."""
        return list(islice(self.after(after), count))

    def next_after(self, moment: datetime) -> datetime | None:
        """Give the first instant after a moment."""
        return next(self.after(moment), None)

    def between(self, after: datetime, until: datetime) -> list[datetime]:
        """Give the instants after `after`, up to and with `until`."""
        found = []
        for instant in self.after(after):
            if instant > until:
                break
            found.append(instant)
        return found

    def latest(self, after: datetime, until: datetime, count: int) -> list[datetime]:
        """Give the last `count` instants after `after`, up to and with `until`, without walking over all."""
        look = FIRST_LOOK
        while (start := until - look) > after and self.count(start, until) < count:
            look *= 4
        return self.between(max(start, after), until)[-count:] if count else []

    def count(self, after: datetime, until: datetime) -> int:
        """Count the instants after `after`, up to and with `until`, by days and not one by one."""
        after, until, total = _whole(after), _whole(until), 0
        while after < until:
            end = min(after + DAY, until)
            total += self._count_in_a_day(after, end)
            after = end
        return total

    def local(self, instant: datetime) -> datetime:
        """Give an instant as the zone's clocks show it."""
        return instant.astimezone(self._zone)

    def _real_time(self, after: datetime) -> Iterator[datetime]:
        """Walk from one change of the zone's offset to the next."""
        start: datetime | None = after + SECOND
        while start is not None:
            offset, change = _offset(self._zone, start), None
            for found in self._walk_after(start + offset - SECOND):
                instant = found - offset
                change = _change(self._zone, start, instant)
                if change is not None:
                    break
                yield instant
                start = instant
            start = change

    def _fixed(self, after: datetime) -> Iterator[datetime]:
        """Walk over local times; what the repeated hour would fire again lies before what was fired."""
        last = after
        for found in self._walk_after(after + _offset(self._zone, after)):
            instant = self._first_valid(found.replace(tzinfo=None))
            if instant > last:
                yield instant
                last = instant

    def _first_valid(self, local: datetime) -> datetime:
        """Give the first instant at which clocks show `local`, or the end of the gap that it falls into."""
        instant = local.replace(tzinfo=self._zone, fold=0).astimezone(UTC)
        if self.local(instant).replace(tzinfo=None) == local:
            return instant
        before = local.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
        return _change(self._zone, before, instant) or instant

    def _walk_after(self, moment: datetime) -> Iterator[datetime]:
        """Walk over plain local times after `moment`, which carries UTC only to be added to."""
        walk = copy.copy(self._walk)
        walk.dt = moment
        return iter(walk)

    def _count_in_a_day(self, after: datetime, until: datetime) -> int:
        local = self.local(after)
        offset = _offset(self._zone, after)
        if offset != _offset(self._zone, until) or (self._is_fixed and local.fold):
            return len(self.between(after, until))
        start, end = after + offset, until + offset
        whole_day = self._per_day if start.date() != end.date() and self._matches(start.date()) else 0
        return whole_day + self._so_far(end) - self._so_far(start)

    def _so_far(self, moment: datetime) -> int:
        """Count the matching times of a day up to and with `moment`."""
        if not self._matches(moment.date()):
            return 0
        walk = self._walk
        hours = sum(hour < moment.hour for hour in walk.hours) * len(walk.minutes) * len(walk.seconds)
        if moment.hour not in walk.hours:
            return hours
        minutes = sum(minute < moment.minute for minute in walk.minutes) * len(walk.seconds)
        if moment.minute not in walk.minutes:
            return hours + minutes
        return hours + minutes + sum(second <= moment.second for second in walk.seconds)

    def _matches(self, day: date) -> bool:
        return day.month in self._walk.months and bool(self._walk.match_day(day))


@cache
def zone_names() -> frozenset[str]:
    """Name all IANA time zones, as the library `tzdata` knows them: the same ones on every machine."""
    return frozenset(files("tzdata").joinpath("zones").read_text().split())


def zone(name: str) -> ZoneInfo:
    """Give a time zone by its IANA name; raise BadZone."""
    if name not in zone_names():
        raise BadZone("Is no IANA time zone: write one such as Europe/Berlin or UTC, with its capitals.")
    return ZoneInfo(name)


def _parts(cron: str) -> list[str]:
    """Cut a pattern into its 5 or 6 fields."""
    if len(cron) > MOST_CHARACTERS:
        raise BadCron(f"May have at most {MOST_CHARACTERS} characters.")
    text = cron.strip().lower()
    if text.startswith("@") and text not in NAMED:
        raise BadCron(f"The names are {', '.join(NAMED)}; anything else takes 5 or 6 fields.")
    parts = NAMED.get(text, cron).split()
    if len(parts) not in (5, 6):
        raise BadCron("Must have 5 fields (minute, hour, day, month, weekday), or 6 with seconds first.")
    return parts


def _walk(parts: list[str]) -> CronSim:
    """Let cronsim read the fields; raise BadCron with the field that is wrong."""
    try:
        walk = CronSim(" ".join(parts), SOME_DAY)
    except CronSimError as error:
        raise BadCron(_fault(parts)) from error
    _refuse_long_steps(parts)
    if next(copy.copy(walk), None) is None:
        raise BadCron("Never fires: there is no such day.")
    walk.dt = walk.dt.replace(tzinfo=UTC)
    return walk


def _refuse_long_steps(parts: list[str]) -> None:
    """Raise BadCron for a step that is longer than its field: it would not do what it says."""
    for name, part in zip(FIELDS[-len(parts) :], parts, strict=True):
        for step in _STEP.findall(part):
            if int(step) > SIZES[name]:
                raise BadCron(f"The field {name}, {part!r}, has a step over {SIZES[name]}, its whole length.")


def _fault(parts: list[str]) -> str:
    """Find the field that cannot be read; where each one alone can, no day has them all."""
    for number, (name, part) in enumerate(zip(FIELDS[-len(parts) :], parts, strict=True)):
        alone = ["*"] * len(parts)
        alone[number] = part
        try:
            CronSim(" ".join(alone), SOME_DAY)
        except CronSimError:
            return f"The field {name}, {part!r}, cannot be read."
    return "Never fires: there is no such day."


def _whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _offset(where: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(where).utcoffset() or timedelta()


def _change(where: ZoneInfo, after: datetime, until: datetime) -> datetime | None:
    """Give the first instant after `after`, up to and with `until`, at which the offset changes."""
    if where.utcoffset(None) is not None:  # It never does, as in UTC.
        return None
    offset = _offset(where, after)
    while after < until:
        end = min(after + WEEK, until)
        if _offset(where, end) != offset:
            return _bisect(where, after, end)
        after = end
    return None


def _bisect(where: ZoneInfo, before: datetime, after: datetime) -> datetime:
    offset = _offset(where, before)
    while after - before > SECOND:
        middle = _whole(before + (after - before) / 2)
        before, after = (middle, after) if _offset(where, middle) == offset else (before, middle)
    return after

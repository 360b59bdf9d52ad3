"""Schedules of a test, set back in time so that they are due."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import Row

from app.services import firing, schedules
from app.services.cron import parse
from app.services.tick import tick
from tests.store.place import Place

EVERY_SECOND = "* * * * * *"


@dataclass(frozen=True)
class Clockwork:
    """Makes schedules of one workflow, and looks at what became of them."""

    app: Flask
    place: Place

    def add(self, **values: Any) -> UUID:
        """Make a schedule of every minute, far from due."""
        given = {
            "name": "Nightly",
            "workflow_id": self.place.workflow_id,
            "cron": "* * * * *",
            "timezone": "UTC",
            "input": {"n": 1},
            "enabled": True,
            "overlap": "allow",
            "catch_up": "one",
        }
        with self.app.app_context():
            made: UUID = schedules.create(self.place.scope, given | values).id
        self.set(made, "next_fire_at = now() + interval '1 hour'")
        return made

    def due(self, seconds: float = 1, **values: Any) -> UUID:
        """Make a schedule, by default of every second, whose next instant was `seconds` ago."""
        made = self.add(**{"cron": EVERY_SECOND} | values)
        self.set_back(made, seconds)
        return made

    def set_back(self, schedule_id: UUID, seconds: float) -> None:
        """Make a schedule due since `seconds` ago."""
        self.set(schedule_id, f"next_fire_at = date_trunc('second', now()) - interval '{seconds} seconds'")

    def set(self, schedule_id: UUID, changes: str) -> None:
        """Set columns of a schedule."""
        self.place.sql(f"UPDATE schedules SET {changes} WHERE id = %(id)s", id=str(schedule_id))

    def once(self, schedule_id: UUID) -> datetime:
        """Make a schedule due at one instant, a second ago; give it."""
        self.set(schedule_id, "cron = '0 0 1 1 *', next_fire_at = now()")
        [row] = self.place.sql("SELECT date_trunc('second', now()) - interval '1 second' AS at")
        at: datetime = row.at
        cron = f"{at.second} {at.minute} {at.hour} {at.day} {at.month} *"
        self.set(schedule_id, f"cron = '{cron}', next_fire_at = '{at.isoformat()}'")
        return at

    def fire(self) -> int:
        """Fire what is due, as a clock does."""
        with self.app.app_context():
            return firing.fire_due_schedules()

    def release(self) -> None:
        """Let go of what was held back, as a clock does."""
        with self.app.app_context():
            firing.release_buffered()

    def row(self, schedule_id: UUID) -> Row[Any]:
        """Give the row of a schedule."""
        [found] = self.place.sql("SELECT * FROM schedules WHERE id = %(id)s", id=str(schedule_id))
        return found

    def fires(self, schedule_id: UUID) -> list[Row[Any]]:
        """Give the fires of a schedule in order."""
        query = "SELECT * FROM schedule_fires WHERE schedule_id = %(id)s ORDER BY scheduled_for"
        return self.place.sql(query, id=str(schedule_id))

    def outcomes(self, schedule_id: UUID) -> list[tuple[str, str | None]]:
        """Give outcome and reason of each fire in order."""
        return [(fire.outcome, fire.reason) for fire in self.fires(schedule_id)]

    def executions(self, schedule_id: UUID) -> list[Row[Any]]:
        """Give the executions of a schedule in order."""
        query = "SELECT * FROM executions WHERE schedule_id = %(id)s ORDER BY trigger ->> 'scheduledFor'"
        return self.place.sql(query, id=str(schedule_id))

    def accounted(self, schedule_id: UUID, first: datetime) -> None:
        """Assert that each instant from `first` on until the next one due is in exactly one row."""
        row = self.row(schedule_id)
        wanted = parse(row.cron, row.timezone).between(
            first - timedelta(seconds=1), row.next_fire_at - timedelta(seconds=1)
        )
        assert accounted_for(self.fires(schedule_id), row.cron, row.timezone) == wanted


def accounted_for(fires: list[Row[Any]], cron: str, timezone: str) -> list[datetime]:
    """Give each instant that a row speaks of, as often as one does; a missed span counts as it says."""
    found: list[datetime] = []
    for fire in fires:
        before = fire.scheduled_for - timedelta(seconds=1)
        span = parse(cron, timezone).between(before, fire.until or fire.scheduled_for)
        own = {other.scheduled_for for other in fires if other is not fire}
        instants = [at for at in span if at not in own] if fire.count > 1 else span
        assert len(instants) == fire.count, f"{fire.count} of {len(instants)} from {fire.scheduled_for}"
        found += instants
    return sorted(found)


def make_tick(app: Flask) -> None:
    """Make one tick."""
    with app.app_context():
        tick()

"""What the database says about the health of the installation."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

IS_MIGRATED = text(
    "SELECT to_regclass('alembic_version') IS NOT NULL AND to_regclass('installation') IS NOT NULL"
)
MIGRATION = text("SELECT version_num FROM alembic_version")
VITALS = text("""
    SELECT paused, extract(epoch FROM clock_timestamp() - last_tick_at)::float8 AS seconds_since_tick,
      (SELECT extract(epoch FROM clock_timestamp() - min(greatest(created_at, run_at))) FROM executions
       WHERE status = 'pending' AND reason = 'queued' AND coalesce(run_at <= now(), true))::float8
        AS oldest_queued_seconds
    FROM installation
""")


@dataclass(frozen=True, slots=True)
class Vitals:
    """Whether it is paused, and the age of the last tick and of the oldest that may start, if any."""

    paused: bool
    seconds_since_tick: float | None
    oldest_queued_seconds: float | None


def migration(tx: Connection) -> str | None:
    """Tell at which migration the tables are; None without tables."""
    if not tx.execute(IS_MIGRATED).scalar_one():
        return None
    found: str | None = tx.execute(MIGRATION).scalar_one_or_none()
    return found


def vitals(tx: Connection) -> Vitals:
    """Ask for all in one question; the tables are there."""
    return Vitals(**tx.execute(VITALS).one()._mapping)

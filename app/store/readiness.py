"""What the database says about the health of the installation."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

ASKED = text("""
    SELECT (SELECT version_num FROM alembic_version) AS migration,
           extract(epoch FROM clock_timestamp() - (SELECT last_tick_at FROM installation))::float8
             AS seconds_since_tick
""")
IS_MIGRATED = text(
    "SELECT to_regclass('alembic_version') IS NOT NULL AND to_regclass('installation') IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class Vitals:
    """The migration the database is at and the age of the last tick; None for what never was."""

    migration: str | None
    seconds_since_tick: float | None


def vitals(tx: Connection) -> Vitals:
    """Ask for both in one question."""
    if not tx.execute(IS_MIGRATED).scalar_one():
        return Vitals(None, None)
    row = tx.execute(ASKED).one()
    return Vitals(row.migration, row.seconds_since_tick)

"""Whether database, tables and clock are in order, and if not, why."""

from functools import lru_cache
from pathlib import Path

from alembic.script import ScriptDirectory
from flask import current_app

from app.errors import DatabaseUnavailable
from app.services.transaction import reading
from app.store import readiness as store

OLDEST_TICK_SECONDS = 30.0


def reasons() -> list[str]:
    """Say what keeps database, tables or clock from working, one sentence each; nothing when all is well."""
    try:
        with reading() as tx:
            vitals = store.vitals(tx)
    except DatabaseUnavailable:
        return ["The database cannot be reached: check DATABASE_URL and that Postgres runs."]
    if vitals.migration != _head():
        found = vitals.migration or "no tables"
        return [f"The database is at {found}, not at {_head()}: run flask --app wsgi db upgrade."]
    return _tick_reasons(vitals.seconds_since_tick)


def _tick_reasons(seconds: float | None) -> list[str]:
    if seconds is None:
        return ["The clock never ticked: start the clock process."]
    if seconds > OLDEST_TICK_SECONDS:
        return [f"The last tick was {seconds:.0f} s ago: check the clock process."]
    return []


@lru_cache(maxsize=1)
def _head() -> str | None:
    return ScriptDirectory(str(Path(current_app.root_path).parent / "migrations")).get_current_head()

"""Whether database, tables, clock and queue are in order, and if not, why."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import Row

from app.errors import DatabaseUnavailable
from app.services.findings import Finding
from app.services.transaction import reading
from app.store import counters
from app.store import readiness as store
from app.store.readiness import Vitals

OLDEST_TICK_SECONDS = 30.0
OLDEST_QUEUED_SECONDS = 60.0
FAILING_SECONDS = 15.0

DATABASE_AWAY = Finding(
    "database_away",
    "The database cannot be reached",
    "nothing is accepted and nothing goes on",
    "check DATABASE_URL and that Postgres runs",
)
REDIS_AWAY = Finding(
    "redis_away",
    "Redis cannot be reached",
    "executions are kept, and start once it is back",
    "check REDIS_URL and that it runs",
)
NEVER_TICKED = Finding(
    "no_tick",
    "The clock never ticked",
    "no schedule fires, no wait ends, and nothing that got lost is repaired",
    "start the clock process",
)


def reasons() -> list[str]:
    """Say what keeps database, tables, clock or queue from working, one sentence each."""
    return [finding.sentence for finding in findings()]


def findings() -> list[Finding]:
    """Find what is wrong; where the database is away or behind, that alone."""
    try:
        with reading() as tx:
            if (migration := store.migration(tx)) != _head():
                return [_behind(migration)]
            return [*_of_vitals(store.vitals(tx)), *map(_of_pass, counters.failing(tx, FAILING_SECONDS))]
    except DatabaseUnavailable:
        return [DATABASE_AWAY]


def is_fatal(found: list[Finding]) -> bool:
    """Tell whether the database can be asked for nothing else."""
    return any(finding.code in (DATABASE_AWAY.code, "migrations_behind") for finding in found)


def _behind(migration: str | None) -> Finding:
    what = f"The database is at {migration or 'no tables'}, not at {_head()}"
    why = "this version of the service does not fit its tables"
    return Finding("migrations_behind", what, why, "run flask --app wsgi db upgrade")


def _of_vitals(vitals: Vitals) -> Iterator[Finding]:
    age, oldest = vitals.seconds_since_tick, vitals.oldest_queued_seconds
    if age is None:
        yield NEVER_TICKED
    elif age > OLDEST_TICK_SECONDS:
        what = f"The last tick was {age:.0f} s ago"
        yield Finding("old_tick", what, NEVER_TICKED.why, "check the clock process")
    if oldest is not None and oldest > OLDEST_QUEUED_SECONDS and not vitals.paused:
        what = f"An execution that may start has waited for {oldest:.0f} s"
        why = "the workers are away, or too few for what is triggered"
        yield Finding("slow_queue", what, why, "start workers, or more of them")


def _of_pass(row: Row[Any]) -> Finding:
    what = f"The clock's pass {row.pass_name} has failed for {row.seconds:.0f} s"
    why = f"what it moves on or deletes stands still, in all workspaces: {row.failure}"
    return Finding("failing_pass", what, why, "read what the clock logs, and mend what it names")


@lru_cache(maxsize=1)
def _head() -> str | None:
    return ScriptDirectory(str(Path(current_app.root_path).parent / "migrations")).get_current_head()

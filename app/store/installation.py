"""The one row of the whole installation: paused or not, and when the clock last ticked."""

from typing import Any

from sqlalchemy import Connection, Row


def read(tx: Connection) -> Row[Any]:
    """Give `paused`, `last_tick_at`, `seconds_since_tick` (null before the first) and `database_now`."""
    query = """
    SELECT paused, last_tick_at, extract(epoch FROM now() - last_tick_at)::float8 AS seconds_since_tick,
      clock_timestamp() AS database_now FROM installation
    """
    return tx.exec_driver_sql(query).one()


def note_tick(tx: Connection) -> float | None:
    """Write that the clock ticked now; give the seconds since the tick before, None if there was none."""
    query = """
    UPDATE installation SET last_tick_at = now() FROM (SELECT last_tick_at FROM installation) before
    RETURNING extract(epoch FROM now() - before.last_tick_at)::float8
    """
    found: float | None = tx.exec_driver_sql(query).scalar_one()
    return found


def set_paused(tx: Connection, paused: bool) -> None:
    """Pause or resume every worker of the installation."""
    tx.exec_driver_sql("UPDATE installation SET paused = %(paused)s", {"paused": paused})


def try_lock(tx: Connection, name: str) -> bool:
    """Take an advisory lock until the end of the transaction, or say at once that somebody has it."""
    query = "SELECT pg_try_advisory_xact_lock(hashtext(%(name)s))"
    return bool(tx.exec_driver_sql(query, {"name": f"linea {name}"}).scalar_one())

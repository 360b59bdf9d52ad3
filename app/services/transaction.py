"""The one door to the database for services: a transaction for changes, autocommit for reads."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from flask import current_app
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import DatabaseUnavailable
from app.extensions import db

RETRY_AFTER_SECONDS = 2
SUSPECT_SECONDS = 6.0
# A deadlock, a serialization failure, and what waited too long for a lock or for its answer.
BUSY = ("40P01", "40001", "55P03", "57014")


class Absence:
    """Whether an application found the database away, and since when it has been back."""

    def __init__(self) -> None:
        self._is_away = False
        self._back_at = float("-inf")

    def begin(self) -> None:
        """Note that it is away now."""
        self._is_away = True

    def end(self) -> None:
        """Note that it has just answered."""
        if self._is_away:
            self._back_at = time.monotonic()
            self._is_away = False

    def suspect(self) -> None:
        """Note that it may have been away until now; not again at once, so that slow ticks judge at last."""
        if self.over_seconds > SUSPECT_SECONDS:
            self._back_at = time.monotonic()

    @property
    def over_seconds(self) -> float:
        """Give for how long it has been back; infinite if it never was away."""
        return 0.0 if self._is_away else time.monotonic() - self._back_at


def absence() -> Absence:
    """Give the current application's."""
    found: Absence = current_app.extensions["absence"]
    return found


@contextmanager
def transaction() -> Iterator[Connection]:
    """Open a transaction; commit at the end, roll back on any exception. Raises DatabaseUnavailable."""
    with _database_errors(), db.engine.begin() as tx:
        yield tx


@contextmanager
def reading() -> Iterator[Connection]:
    """Open a connection for reads only: each statement sees the latest commit and holds nothing after it."""
    with _database_errors(), db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        yield tx


@contextmanager
def _database_errors() -> Iterator[None]:
    try:
        yield
        absence().end()
    except PoolTimeout as error:
        raise away() from error
    except DBAPIError as error:
        if is_away(error):
            _note_absence(error.orig)
            raise away() from error
        raise
    except psycopg2.Error as error:
        # SQLAlchemy does not wrap what it meets while it makes a connection autocommit.
        _note_absence(error)
        raise away() from error


def excuse(error: Exception) -> DatabaseUnavailable | None:
    """Say when to try again where the database is at fault and not the request; None where it is not."""
    if isinstance(error, PoolTimeout) or (isinstance(error, DBAPIError) and is_away(error)):
        return away()
    if isinstance(error, DBAPIError) and getattr(error.orig, "pgcode", None) in BUSY:
        return DatabaseUnavailable(
            "The database is too busy with others to do this now: try again shortly",
            retry_after=RETRY_AFTER_SECONDS,
        )
    return None


def away() -> DatabaseUnavailable:
    """Say that the database cannot be reached and when to try again."""
    return DatabaseUnavailable(
        "The database cannot be reached: try again shortly", retry_after=RETRY_AFTER_SECONDS
    )


def _note_absence(error: BaseException | None) -> None:
    """Remember that the server was away; one that has no connection or no room left is there."""
    if not (getattr(error, "pgcode", None) or "").startswith("53"):
        absence().begin()


def is_away(error: DBAPIError) -> bool:
    """Tell a lost or refused connection (also a shutdown, class 57P) from a statement's own fault."""
    state = getattr(error.orig, "pgcode", None)
    return error.connection_invalidated or state is None or state.startswith(("08", "57P", "53"))

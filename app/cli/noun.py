"""A group of commands whose errors are one sentence that says what to do, never a traceback."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import DBAPIError

from app import log
from app.errors import DatabaseUnavailable, LineaError
from app.queue import Away

UNDEFINED = frozenset({"42P01", "42703"})  # table, column
NO_DATABASE = "The database cannot be reached: check DATABASE_URL, or that `make run` still runs."
NO_REDIS = "Redis cannot be reached: check REDIS_URL, or that `make run` still runs."
NO_SPACE = "What it says cannot be written, no space is left there: free some, or write elsewhere."
NO_TEXT = "What was given is not text in UTF-8: check how it is encoded."
OLD_TABLES = "The tables are missing or of another version: run flask --app wsgi db upgrade"
KNOWN = {DatabaseUnavailable: NO_DATABASE, Away: NO_REDIS, UnicodeEncodeError: NO_TEXT}

logger = log.get(__name__)


class Noun(AppGroup):
    """The commands about one thing."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it cannot do becomes a line on standard error and exit code 1."""
        with plainly():
            return super().invoke(ctx)


@contextmanager
def plainly() -> Iterator[None]:
    """Turn what a command cannot do into a line on standard error and exit code 1."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
        raise
    except Exception as error:
        logger.debug("a command failed", exc_info=True)
        if isinstance(error, OSError):
            _drop_output()
        raise click.ClickException(sentence(error)) from error


def sentence(error: Exception) -> str:
    """Say what went wrong and what to do."""
    for kind, said in KNOWN.items():
        if isinstance(error, kind):
            return said
    match error:
        case LineaError():
            return " ".join([error.detail, *_places(error)])
        case OSError(errno=errno.ENOSPC):
            return NO_SPACE
        case DBAPIError() if getattr(error.orig, "pgcode", None) in UNDEFINED:
            return OLD_TABLES
        case _:
            text = " ".join(str(getattr(error, "orig", error)).split())
            return f"{text or type(error).__name__} (LOG_LEVEL=DEBUG shows where)"


def _drop_output() -> None:
    """Throw away what could not be written, else Python tries again as it ends, and complains."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _places(error: LineaError) -> list[str]:
    """Say what is wrong where, unless the sentence says it already."""
    return [fault.sentence for fault in error.faults if fault.message not in error.detail]

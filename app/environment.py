"""Where a process finds its settings: in the environment, the command line also in a running `make run`."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from app import tasks
from app.data_dir import locate, read_run_env
from app.settings import BadSetting, Settings, from_environment
from app.steps.addresses import AllowList

COMMAND_LINE = "FLASK_RUN_FROM_CLI"  # set by `flask` before it loads the application


def settings() -> Settings:
    """Read the settings of this process; raise BadSetting, or on the command line exit with its one line."""
    with _one_line():
        return from_environment(_second_shell(os.environ) if _on_command_line() else os.environ)


def checked() -> Settings:
    """Read the settings and look at all they name, as an application does at its start; raise BadSetting."""
    found = settings()
    load_tasks(found)
    check_hosts(found)
    return found


def reach(engine: Engine) -> Connection:
    """Connect to the database; raise BadSetting, or on the command line exit with its one line."""
    with _one_line():
        try:
            return engine.connect()
        except DBAPIError as error:
            why, *_ = str(error.orig).strip().partition("\n")
            raise BadSetting(f"DATABASE_URL names a database that cannot be reached: {why}") from error


def load_tasks(settings: Settings) -> None:
    """Import TASK_MODULES; raise BadSetting, or on the command line exit with its one line."""
    with _one_line():
        tasks.load(settings.task_modules)


def check_hosts(settings: Settings) -> None:
    """Read HTTP_ALLOW_HOSTS once; raise BadSetting, or on the command line exit with its one line."""
    with _one_line():
        try:
            AllowList.parse(",".join(settings.http_allow_hosts))
        except ValueError as error:
            raise BadSetting(f"HTTP_ALLOW_HOSTS: {error}") from error


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except (BadSetting, OSError) as error:
        if not _on_command_line():
            raise
        sys.exit(str(error))


def _on_command_line() -> bool:
    return os.environ.get(COMMAND_LINE) == "true"


def _second_shell(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Complete the environment from `run.env` unless it names another database; what it says stands."""
    env = {name: value for name, value in environment.items() if value.strip()}
    folder = locate(env)
    told = read_run_env(folder)
    if "DATABASE_URL" not in env | told:
        raise BadSetting(
            f"DATABASE_URL is not set and no `make run` works on {folder}: "
            "set it, or name the folder of a `make run` in DATA_DIR"
        )
    return told | env if env.get("DATABASE_URL") in (None, told.get("DATABASE_URL")) else env

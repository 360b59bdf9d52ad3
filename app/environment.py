"""Where a process finds its settings: in the environment, the command line also in a running `make run`."""

import os
import sys
from collections.abc import Mapping

from app.data_dir import locate, read_run_env
from app.settings import BadSetting, Settings, from_environment

COMMAND_LINE = "FLASK_RUN_FROM_CLI"  # set by `flask` before it loads the application


def settings() -> Settings:
    """Read the settings of this process; raise BadSetting, or on the command line exit with its one line."""
    if os.environ.get(COMMAND_LINE) != "true":
        return from_environment(os.environ)
    try:
        return from_environment(_second_shell(os.environ))
    except (BadSetting, OSError) as error:
        sys.exit(str(error))


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

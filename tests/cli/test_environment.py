"""Where the command line finds its servers, and what it says when it does not."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.noun import NO_SPACE
from app.data_dir import RUN_ENV
from tests import servers as real
from tests.cli.shell import SECONDS, Place, bare_environment, shell, start
from tests.servers import PROJECT, SECRET_KEY, Servers

STATUS = ("queue", "status", "--json")
NOWHERE = "postgresql://postgres@127.0.0.1:1/linea"


@pytest.fixture
def told(tmp_path: Path, database_url: str, redis_url: str) -> dict[str, str]:
    """Give the environment of a second shell beside a `make run` on `tmp_path`."""
    lines = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "SECRET_KEY": SECRET_KEY}
    (tmp_path / RUN_ENV).write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    return bare_environment() | {"DATA_DIR": str(tmp_path)}


def test_a_second_shell_finds_the_servers_of_a_running_make_run(told: dict[str, str]) -> None:
    found = shell(told, *STATUS)

    assert (found.returncode, found.stderr) == (0, "")
    assert '"workers": 0' in found.stdout


def test_what_the_environment_says_wins(told: dict[str, str]) -> None:
    found = shell(told | {"REDIS_URL": "redis://127.0.0.1:1"}, *STATUS)

    assert '"workers": null' in found.stdout


@pytest.mark.parametrize(
    "words", [STATUS, ("queue", "drain"), ("doctor",), ("workspaces", "list")], ids=" ".join
)
def test_a_full_disk_is_told_in_one_line(told: dict[str, str], words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full, start(told, *words, stdout=full) as command:
        _, said = command.communicate(timeout=SECONDS)

    assert command.returncode == 1
    assert said.splitlines() == [f"Error: {NO_SPACE}"]


def test_settings_for_another_database_are_not_mixed_with_a_make_run(
    told: dict[str, str],
) -> None:
    refused = shell(told | {"DATABASE_URL": NOWHERE}, *STATUS)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "SECRET_KEY is not set: the service cannot start without it\n"


def test_without_servers_one_line_names_the_missing_setting(tmp_path: Path) -> None:
    refused = shell(bare_environment() | {"DATA_DIR": str(tmp_path)}, *STATUS)

    assert (refused.returncode, refused.stdout) == (1, "")
    [line] = refused.stderr.splitlines()
    assert line.startswith(f"DATABASE_URL is not set and no `make run` works on {tmp_path}: ")


def test_the_migrations_of_a_shell_without_settings_end_with_the_same_line(tmp_path: Path) -> None:
    refused = shell(bare_environment() | {"DATA_DIR": str(tmp_path)}, "db", "upgrade")

    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize(("name", "value"), [("LOG_LEVEL", "LOUD"), ("LEASE_SECONDS", "0")])
def test_a_bad_setting_is_one_line_that_names_it(told: dict[str, str], name: str, value: str) -> None:
    refused = shell(told | {name: value}, *STATUS)

    assert refused.returncode == 1
    [line] = refused.stderr.splitlines()
    assert line.startswith(f"{name} is '{value}': ")


def test_servers_that_are_gone_are_one_sentence(told: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / RUN_ENV
    path.write_text(f"DATABASE_URL={NOWHERE}\nREDIS_URL=redis://127.0.0.1:1\nSECRET_KEY=x\n")

    refused = shell(told, "workspaces", "list")

    assert refused.returncode == 1
    assert refused.stderr == (
        "Error: The database cannot be reached: check DATABASE_URL, or that `make run` still runs.\n"
    )


def test_a_drain_without_redis_is_one_sentence(place: Place, environment: dict[str, str]) -> None:
    place.trigger()

    drained = shell(environment | {"REDIS_URL": "redis://127.0.0.1:1"}, "queue", "drain")

    assert drained.returncode == 1
    assert drained.stderr == (
        "Error: Redis cannot be reached: check REDIS_URL, or that `make run` still runs.\n"
    )


def test_a_database_without_tables_says_how_to_make_them(told: dict[str, str], servers: Servers) -> None:
    with real.connected(servers.postgres) as admin:
        real.create(admin, "linea_bare")
    bare = {"DATABASE_URL": real.named(servers.postgres, "linea_bare"), "REDIS_URL": "redis://127.0.0.1:1"}

    refused = shell(told | bare | {"SECRET_KEY": SECRET_KEY}, "workspaces", "list")

    with real.connected(servers.postgres) as admin, admin.cursor() as cursor:
        cursor.execute("DROP DATABASE linea_bare WITH (FORCE)")
    assert refused.returncode == 1
    assert refused.stderr == (
        "Error: The tables are missing or of another version: run flask --app wsgi db upgrade\n"
    )


def test_servers_do_not_look_for_a_make_run(told: dict[str, str]) -> None:
    served = subprocess.run(
        [sys.executable, "-c", "import wsgi"], cwd=PROJECT, env=told, capture_output=True, text=True
    )

    assert served.returncode == 1
    assert "SECRET_KEY is not set" in served.stderr

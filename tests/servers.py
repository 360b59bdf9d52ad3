"""The real PostgreSQL and Valkey of a test session: one of each, shared by all pytest-xdist workers."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import psycopg2
from flask_migrate import upgrade
from psycopg2 import sql
from psycopg2.extensions import connection

from app import create_app
from app.embedded import start_postgres, start_valkey
from app.extensions import db
from app.settings import from_environment

PROJECT = Path(__file__).resolve().parent.parent
TEMPLATE = "linea_template"
SECRET_KEY = "a secret key of the tests alone"
LEFT_ALONE = ("alembic_version", "installation")
# A busy machine may keep Valkey from answering for a while; what gives up on it drops its tickets.
PATIENCE = {"socket_timeout": 30, "socket_connect_timeout": 30}


@dataclass(frozen=True)
class Servers:
    """Where the servers are; in the environment for processes that the first one starts."""

    postgres: str
    valkey: str

    @classmethod
    def from_environment(cls) -> "Servers | None":
        """Find the servers that another process of this session started."""
        names = ("LINEA_TEST_POSTGRES", "LINEA_TEST_VALKEY")
        return cls(*(os.environ[name] for name in names)) if set(names) <= set(os.environ) else None

    def to_environment(self) -> None:
        """Let the processes that start from here on find the servers."""
        os.environ |= {"LINEA_TEST_POSTGRES": self.postgres, "LINEA_TEST_VALKEY": self.valkey}


@contextmanager
def running() -> Iterator[Servers]:
    """Start both servers on an empty folder; they end with this block or a killed process."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="linea-tests-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = start_postgres(folder)
        stack.callback(postgres.stop)
        spare_the_disk(postgres.url)
        valkey = start_valkey(folder)
        stack.callback(valkey.stop)
        yield Servers(postgres.url, valkey.url)


def spare_the_disk(url: str) -> None:
    """Let commits not wait for the disk: processes are killed here, but nobody cuts the power."""
    with connected(url) as admin, admin.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET fsync = off")
        cursor.execute("SELECT pg_reload_conf()")


def make_database(servers: Servers, name: str) -> str:
    """Make a database with all tables and give its URL; the first to come makes the template."""
    with connected(servers.postgres) as admin, admin.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(1)")
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE])
        if cursor.fetchone() is None:
            draft = f"{TEMPLATE}_draft"
            create(admin, draft)
            migrate(named(servers.postgres, draft))
            cursor.execute(f"ALTER DATABASE {draft} RENAME TO {TEMPLATE}")
        create(admin, name, TEMPLATE)
    return named(servers.postgres, name)


def create(admin: connection, name: str, template: str = "template1") -> None:
    """Make an empty database, or a copy of `template`."""
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    with admin.cursor() as cursor:
        cursor.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


def migrate(url: str) -> None:
    """Make all tables with the project's own migrations."""
    env = {"DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1", "SECRET_KEY": SECRET_KEY}
    with create_app(from_environment(env)).app_context():
        upgrade(str(PROJECT / "migrations"))
        db.engine.dispose()


@contextmanager
def connected_to_empty(url: str) -> Iterator[connection]:
    """Connect for `empty`, without triggers and foreign keys."""
    with connected(url) as opened, opened.cursor() as cursor:
        cursor.execute("SET lock_timeout = '60s'; SET session_replication_role = replica")
        yield opened


def empty(opened: connection) -> None:
    """Remove all rows, whatever state they are in, through a connection that was made for it."""
    with opened.cursor() as cursor:
        for table in filled_tables(opened):
            cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        cursor.execute("UPDATE installation SET paused = DEFAULT, last_tick_at = DEFAULT")


def filled_tables(opened: connection) -> list[str]:
    """List the tables that have rows."""
    with opened.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [table for (table,) in cursor.fetchall() if table not in LEFT_ALONE]
        asked = sql.SQL(", ").join(
            sql.SQL("EXISTS (SELECT FROM {})").format(sql.Identifier(table)) for table in tables
        )
        cursor.execute(sql.SQL("SELECT {}").format(asked))
        [filled] = cursor.fetchall()
    return [table for table, has_rows in zip(tables, filled, strict=True) if has_rows]


@contextmanager
def connected(url: str) -> Iterator[connection]:
    """Connect, each statement a transaction of its own."""
    opened = psycopg2.connect(url)
    opened.autocommit = True
    try:
        yield opened
    finally:
        opened.close()


def named(url: str, database: str) -> str:
    """Give the URL of another database on the same server."""
    server, _, rest = url.rpartition("/linea?")
    return f"{server}/{database}?{rest}"


def numbered(url: str, number: int) -> str:
    """Give the URL of another Redis database on the same server; its users are patient."""
    return patient(url, db=number)


def patient(url: str, **more: int) -> str:
    """Give the URL of a Redis with more time for its answers than the service itself gives it."""
    return f"{url}?{urlencode(PATIENCE | more)}"

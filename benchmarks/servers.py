"""The real PostgreSQL and Valkey of one run; their data lies in a temporary folder that goes with them."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import redis
from psycopg2.extensions import connection

from app.embedded import Server, start_postgres, start_valkey

OURS, PLAIN = "linea", "plain"


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers are; `linea` is our database, `plain` one for peers with tables of their own."""

    folder: Path
    postgres: Server
    valkey: Server

    def url(self, database: str = OURS) -> str:
        """Give the URL of a database."""
        return self.postgres.url.replace(f"/{OURS}?", f"/{database}?")

    @contextmanager
    def connected(self, database: str = OURS) -> Iterator[connection]:
        """Connect, each statement a transaction of its own."""
        opened = psycopg2.connect(self.url(database))
        opened.autocommit = True
        try:
            yield opened
        finally:
            opened.close()

    def ask(self, question: str, values: Sequence[Any] = (), database: str = OURS) -> list[tuple[Any, ...]]:
        """Give the rows that a question finds."""
        with self.connected(database) as opened, opened.cursor() as cursor:
            cursor.execute(question, values)
            return cursor.fetchall()

    def settle_down(self, database: str = OURS) -> None:
        """Leave nothing of the making of a backlog for its draining to pay for."""
        with self.connected(database) as opened, opened.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) executions")
            cursor.execute("CHECKPOINT")

    def empty(self) -> None:
        """Remove all executions of every database, and all jobs."""
        for database in (OURS, PLAIN):
            with self.connected(database) as opened, opened.cursor() as cursor:
                cursor.execute("TRUNCATE executions CASCADE")
        with redis.Redis.from_url(self.valkey.url) as client:
            client.flushall()


@contextmanager
def running() -> Iterator[Servers]:
    """Start both servers on an empty folder; they end with this block or a killed process."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="linea-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = start_postgres(folder)
        stack.callback(postgres.stop)
        valkey = start_valkey(folder)
        stack.callback(valkey.stop)
        yield Servers(folder, postgres, valkey)

"""A whole installation of a test's own: servers, processes, a workspace, and the world outside."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import redis
from sqlalchemy import Row, create_engine
from sqlalchemy.pool import NullPool

from app import create_app
from app.embedded import start_postgres, start_valkey
from app.extensions import db
from app.settings import from_environment
from tests.api.caller import Caller, new_caller
from tests.faults.audit import AUDIT
from tests.faults.effects import Effects
from tests.faults.member import Member
from tests.faults.network import Connect, Network
from tests.procfile import free_port
from tests.servers import SECRET_KEY, connected_to_empty, empty, migrate, spare_the_disk

Json = Any


class Stand:
    """PostgreSQL and Valkey of its own, and any number of members before them."""

    def __init__(self, folder: Path, network: Network) -> None:
        self.folder = folder
        self.network = network
        self.effects = Effects(network)
        self.members: list[Member] = []
        self.postgres = start_postgres(folder)
        spare_the_disk(self.postgres.url)
        self.valkey = start_valkey(folder)
        self._env: dict[str, str] = {}
        migrate(self.postgres.url)
        self._engine = create_engine(self.postgres.url.replace("://", "+psycopg2://"), poolclass=NullPool)
        self.sql(AUDIT)
        told = {"DATABASE_URL": self.postgres.url, "REDIS_URL": self.valkey.url, "SECRET_KEY": SECRET_KEY}
        self.app = create_app(from_environment(told | {"LOG_LEVEL": "ERROR"}))

    # -- members --

    def start(self, kind: str, **env: str) -> Member:
        """Start a web, a worker or a clock and do not wait for it."""
        postgres, valkey = self.network.before(self._to_postgres()), self.network.before(self._to_valkey())
        server = f"linea@127.0.0.1:{postgres.port}/linea?sslmode=disable&gssencmode=disable"
        urls = {
            "DATABASE_URL": f"postgresql://{server}",
            "REDIS_URL": f"redis://127.0.0.1:{valkey.port}/0",
            "PORT": str(free_port()),
        }
        log = self.folder / f"{kind}-{len(self.members)}.log"
        member = Member(kind, postgres, valkey, log, urls | env)
        self.members.append(member)
        return member

    def ready(self, *kinds: str, **env: str) -> list[Member]:
        """Start members and wait until they are at work."""
        return [member.await_ready() for member in [self.start(kind, **env) for kind in kinds]]

    def of(self, kind: str) -> list[Member]:
        """List the members of a kind."""
        return [member for member in self.members if member.kind == kind]

    # -- servers --

    def stop_postgres(self, *, at_once: bool = True) -> None:
        """Shut PostgreSQL down, by default immediately: it has to recover from its log then."""
        self.postgres.process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
        self.postgres.process.wait(30)

    def start_postgres(self) -> None:
        """Start PostgreSQL again on its data."""
        self.postgres = start_postgres(self.folder)

    def stop_valkey(self, *, forget: bool) -> None:
        """Kill Valkey; `forget` takes its data away too."""
        self.valkey.process.kill()
        self.valkey.process.wait(30)
        if forget:
            shutil.rmtree(self.folder / "valkey")

    def start_valkey(self) -> None:
        """Start Valkey again."""
        self.valkey = start_valkey(self.folder)

    def flush(self) -> None:
        """Empty Redis, as FLUSHALL does."""
        with redis.Redis.from_url(self.valkey.url) as client:
            client.flushall()

    def sql(self, query: str, **given: Any) -> list[Row[Any]]:
        """Run one statement, past all proxies, in a transaction of its own."""
        with self._engine.begin() as tx:
            result = tx.exec_driver_sql(query, given)
            return list(result) if result.returns_rows else []

    def caller(self, name: str = "Acme") -> Caller:
        """Make a workspace; give its admin, who talks to an application in this process."""
        return new_caller(self.app, self.app.test_client(), name)

    def clear(self) -> None:
        """Kill all members and forget everything; how members end is what tests of their own are about."""
        for member in self.members:
            member.kill()
            member.postgres.close()
            member.redis.close()
        self.members.clear()
        with self.app.app_context():
            db.engine.dispose()
        with connected_to_empty(self.postgres.url) as opened:
            empty(opened)
        self.flush()
        self.effects.forget()

    def close(self) -> None:
        """End the servers."""
        self.effects.close()
        self.app.extensions["sender"].close()
        self.valkey.stop()
        self.postgres.stop()

    def _to_postgres(self) -> Connect:
        asked = parse_qs(urlsplit(self.postgres.url).query)
        path = f"{asked['host'][0]}/.s.PGSQL.{asked['port'][0]}"
        return lambda: asyncio.open_unix_connection(path)

    def _to_valkey(self) -> Connect:
        path = urlsplit(self.valkey.url).path
        return lambda: asyncio.open_unix_connection(path)


@contextmanager
def standing(logs: Path | None = None, disk: Path | None = None) -> Iterator[Stand]:
    """Set a stand up on an empty folder of `disk`; leave nothing but copies of its logs in `logs`."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="linea-faults-", dir=disk))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if logs is not None:
            stack.callback(_keep_logs, folder, logs)
        folder.chmod(0o755)
        network = Network()
        stack.callback(network.close)
        stand = Stand(folder, network)
        stack.callback(stand.close)
        stack.callback(stand.clear)
        yield stand


def _keep_logs(folder: Path, logs: Path) -> None:
    logs.mkdir(parents=True, exist_ok=True)
    for log in folder.glob("*.log"):
        shutil.copy(log, logs)

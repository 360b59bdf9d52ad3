"""Desks that die at a commit: before it, or right behind it, so that nobody hears that it was made."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import Connection, Engine, create_engine, event

from app.engine.desk import Desk
from app.settings import Settings
from tests.engine.changes import taken
from tests.store.place import Place

PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Crash:
    """A worker dies at its nth commit (from 0)."""

    commit: int
    made: bool


class Died(Exception):
    """The worker is dead: it reaches the database no more."""


class Mortal:
    """Counts the commits of an engine; from the crash on nothing of it reaches the database any more."""

    def __init__(self, crash: Crash | None) -> None:
        self.dead = False
        self.death = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._crash = crash
        self._commits = 0

    def attach(self, engine: Engine) -> None:
        """Watch an engine."""
        event.listen(engine, "begin", self._begin)
        event.listen(engine, "commit", self._commit)

    def _begin(self, _connection: Connection) -> None:
        if self.dead:
            raise Died("the worker is dead")

    def _commit(self, connection: Connection) -> None:
        if self.dead:
            raise Died("the worker is dead")
        if self._crash is not None and self._commits == self._crash.commit:
            self.dead = True
            if self._crash.made:
                connection.connection.commit()
            self._loop.call_soon_threadsafe(self.death.set)
            raise Died("the worker dies here")
        self._commits += 1


@contextmanager
def mortal_engine(settings: Settings, mortal: Mortal) -> Iterator[Engine]:
    """Give an engine of its own to a worker that may die."""
    engine = create_engine(settings.database_url, connect_args={"options": "-c timezone=UTC"})
    mortal.attach(engine)
    try:
        yield engine
    finally:
        engine.dispose()


def work(place: Place, settings: Settings, execution_id: UUID, worker: str, crash: Crash | None) -> None:
    """Let a worker take the execution and go on with it until it ends or the worker dies."""
    asyncio.run(_work(place, replace(settings, sandbox_children=2), execution_id, worker, crash))


async def _work(
    place: Place, settings: Settings, execution_id: UUID, worker: str, crash: Crash | None
) -> None:
    mortal = Mortal(crash)
    with mortal_engine(settings, mortal) as engine:
        desk = Desk(settings, engine, worker, lambda _report, _jobs: None)
        desk.take([taken(place, execution_id)])
        ends = [asyncio.create_task(end) for end in (desk.wait_until_quiet(), mortal.death.wait())]
        await asyncio.wait(ends, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        assert any(end.done() for end in ends)
        for end in ends:
            end.cancel()
        if mortal.dead:
            await _bury(desk)
        else:
            await desk.stop(0)


async def _bury(desk: Desk) -> None:
    """Let go of what the operating system would take back from a process that died."""
    desk.library.close()
    await desk.sandbox.close()
    await desk.client.close()

"""The hub: where streams are opened and ended."""

import threading
from typing import Final
from uuid import UUID

from flask import Flask

from app.announcements import Position
from app.errors import NotFound, TooManyStreams
from app.queue import Away
from app.states import StepStatus
from app.stream import lookup
from app.stream.events import Event, execution_event, reset_event, step_event
from app.stream.feed import Feed
from app.stream.journal import Journal
from app.stream.outlet import Caller, Outlet, Wanted
from app.stream.registry import Registry
from app.stream.stuck import bound_writes
from app.stream.watch import Watch

RETRY_AFTER_SECONDS: Final = 5


class Hub:
    """All streams of a process; `places` bounds them together with the requests that wait."""

    def __init__(self, redis_url: str, places: threading.Semaphore) -> None:
        self._places = places
        self._registry = Registry()
        self._journal = Journal(redis_url)
        self._feed = Feed(self._registry, self._journal)
        self._closing = False
        self._is_bounded = False

    def open(self, app: Flask, wanted: Wanted, caller: Caller, resume: str | None) -> Outlet:
        """Open a stream; `resume` is the id of the last event that the client has, None for a new one.

        Raises NotFound (execution), TooManyStreams, DatabaseUnavailable.
        """
        if not self._places.acquire(blocking=False):
            raise TooManyStreams(
                "As many streams and waiting requests as STREAM_LIMIT allows are open: try again shortly.",
                retry_after=RETRY_AFTER_SECONDS,
            )
        outlet = Outlet(wanted, caller, self._leave)
        try:
            self._bound_writes()
            watch = self._registry.join(outlet)
            position = self._feed.start(app)
            outlet.begin(position, self._first(watch, wanted, resume))
        except BaseException:
            outlet.close()
            raise
        if self._closing:
            outlet.end()
        return outlet

    def close(self) -> None:
        """End all streams, and each new one at once."""
        self._closing = True
        self._feed.stop()
        for outlet in self._registry.outlets():
            outlet.end()

    def _bound_writes(self) -> None:
        """Do it with the first stream: by then the server listens, which it does not when it loads us."""
        if not self._is_bounded:
            self._is_bounded = True
            bound_writes()

    def _leave(self, outlet: Outlet) -> None:
        self._registry.leave(outlet)
        self._places.release()

    def _first(self, watch: Watch, wanted: Wanted, resume: str | None) -> list[Event]:
        """Give what a stream sends first: what its client missed, or how the only execution is now."""
        if wanted.execution_id is None:
            self._seed(watch)
            now = []
        else:
            now = self._seed_one(watch, wanted.execution_id, wanted.space_id)
        if resume is None:
            return now
        missed = self._missed(resume, wanted.workspace_id)
        if missed is None:
            return [reset_event()]
        if wanted.execution_id is not None:
            return now if wanted.execution_id in missed else []
        rows = lookup.read([(wanted.workspace_id, execution_id) for execution_id in missed])
        return [execution_event(row) for row in rows if wanted.includes(row)]

    def _seed(self, watch: Watch) -> None:
        """Note what clients can list as told; many streams that begin together ask once."""
        with watch.seeding:
            if watch.seeded:
                return
            self._registry.learn(watch, lookup.read(lookup.recent([watch.workspace_id])))

    def _seed_one(self, watch: Watch, execution_id: UUID, space_id: UUID | None) -> list[Event]:
        """Note how an execution is as told, and give that as events."""
        rows = lookup.read([(watch.workspace_id, execution_id)])
        if not rows or space_id not in (None, rows[0].space_id):
            raise NotFound(
                f"There is no execution {execution_id} here: it may be in another space, or deleted."
            )
        steps = lookup.all_steps(rows[0])
        self._registry.learn(watch, rows, steps)
        begun = [step for step in steps if step.status != StepStatus.PENDING]
        return [*(step_event(execution_id, step) for step in begun), execution_event(rows[0])]

    def _missed(self, resume: str, workspace_id: UUID) -> set[UUID] | None:
        """Name what changed since a client's last event; None when nobody can tell."""
        try:
            return self._journal.missed(Position.parse(resume), workspace_id)
        except Away:
            return None

"""One open stream: what it tells of, what waits to be sent, and the iterator that a thread sends it from."""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row

from app.announcements import Position
from app.store.execution_filters import Filters
from app.stream.events import PING, Event, opening, reset_event

PING_SECONDS: Final = 15.0
PROBE_SECONDS: Final = 2.0  # how often a thread looks whether its client is still there
CHUNK_EVENTS: Final = 256
CHUNK_BYTES: Final = 1024 * 1024
MOST_WAITING: Final = 5_000
MOST_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a stream tells of: the executions of a workspace or space, or one with its steps."""

    workspace_id: UUID
    space_id: UUID | None = None
    execution_id: UUID | None = None
    filters: Filters = field(default_factory=Filters)

    def includes(self, row: Row[Any]) -> bool:
        """Tell whether an execution, as read for lists, is one of them now."""
        filters = self.filters
        same = (
            (filters.workflow_id, row.workflow_id),
            (filters.triggered_by, row.triggered_by),
            (filters.schedule_id, row.schedule_id),
            (filters.webhook_id, row.webhook_id),
            (filters.retry_of, row.retry_of),
            (None if self.execution_id else self.space_id, row.space_id),
            (self.execution_id, row.id),
        )
        return (
            all(wanted in (None, found) for wanted, found in same)
            and (not filters.statuses or row.status in filters.statuses)
            and (filters.tag is None or filters.tag in row.tags)
        )


@dataclass(frozen=True, slots=True)
class Caller:
    """Who listens: `may_listen` is asked every `seconds`, once for all streams with the same credentials."""

    credentials: Hashable
    may_listen: Callable[[], bool]
    seconds: float


class Outlet:
    """Events on their way to one client: of each execution and step the newest, so a slow one skips states.

    One that takes nothing for so long that too much waits is told to start again, and ends.
    """

    def __init__(self, wanted: Wanted, caller: Caller, leave: Callable[["Outlet"], None]) -> None:
        self.wanted = wanted
        self.caller = caller
        self._leave = leave
        self._ready = threading.Condition()
        self._opening: bytes | None = None
        self._waiting: dict[object, Event] = {}
        self._bytes = 0
        self._sent: Position | None = None
        self._seen: Position | None = None
        self._ended = False
        self._closed = False
        self._next_ping = time.monotonic() + PING_SECONDS

    def begin(self, position: Position | None, events: Sequence[Event]) -> None:
        """Set what is sent first, before anything that changed meanwhile."""
        with self._ready:
            self._opening = opening(position)
            self._sent = position
            self._seen = max((at for at in (self._seen, position) if at is not None), default=None)
            later, self._waiting = self._waiting, {event.key: event for event in events}
            self._waiting |= later

    def put(self, events: Sequence[Event], position: Position | None) -> None:
        """Leave events to be sent; from `position` on there may be more."""
        with self._ready:
            if self._ended:
                return
            for event in events:
                if (older := self._waiting.pop(event.key, None)) is not None:
                    self._bytes -= len(older.text)
                self._waiting[event.key] = event
                self._bytes += len(event.text)
            self._seen = position
            if len(self._waiting) > MOST_WAITING or self._bytes > MOST_BYTES:
                reset = reset_event()
                self._waiting = {reset.key: reset}
                self._ended = True
            self._ready.notify()

    def end(self, *, at_once: bool = False) -> None:
        """End the stream after what waits, or without it."""
        with self._ready:
            self._ended = True
            if at_once:
                self._waiting.clear()
            self._ready.notify()

    def __iter__(self) -> "Outlet":
        return self

    def __next__(self) -> bytes:
        """Give what is to be sent next; empty when there is nothing, to see whether the client is there."""
        with self._ready:
            if self._opening is not None:
                text, self._opening = self._opening, None
                return text + self._chunk()
            now = time.monotonic()
            self._ready.wait_for(
                lambda: self._waiting or self._ended, min(PROBE_SECONDS, max(0.0, self._next_ping - now))
            )
            if self._ended and not self._waiting:
                raise StopIteration
            return self._ping() + self._chunk()

    def close(self) -> None:
        """Give the place back; the server calls it at the end, however that came."""
        with self._ready:
            first, self._closed = not self._closed, True
            self._ended = True
            self._waiting.clear()
        if first:
            self._leave(self)

    def _ping(self) -> bytes:
        now = time.monotonic()
        if now < self._next_ping:
            return b""
        self._next_ping = now + PING_SECONDS
        return PING

    def _chunk(self) -> bytes:
        """Take what waits, at most a chunk; only with the last of it all has been sent up to its position."""
        taken: list[Event] = []
        size = 0
        for event in self._waiting.values():
            taken.append(event)
            size += len(event.text)
            if len(taken) >= CHUNK_EVENTS or size >= CHUNK_BYTES:
                break
        for event in taken:
            del self._waiting[event.key]
        self._bytes = max(0, self._bytes - size)
        before = self._sent
        if not self._waiting:
            self._sent, self._bytes = self._seen, 0
        return b"".join(event.sent(self._sent if event is taken[-1] else before) for event in taken)

"""The open streams of a process, by what they look at; any thread may ask."""

import threading
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from app.announcements import Pair
from app.stream.outlet import Outlet
from app.stream.watch import Place, Watch


class Registry:
    """Which streams look at which workspace or execution."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: dict[Place, Watch] = {}

    def join(self, outlet: Outlet) -> Watch:
        """Let a stream hear of all that is told from here on."""
        place = _place(outlet)
        with self._lock:
            watch = self._watches.setdefault(place, Watch(place))
            watch.outlets.append(outlet)
            return watch

    def leave(self, outlet: Outlet) -> None:
        """Forget a stream, and what was told to it when it was the last of its place."""
        with self._lock:
            watch = self._watches.get(_place(outlet))
            if watch is not None and outlet in watch.outlets:
                watch.outlets.remove(outlet)
                if not watch.outlets:
                    del self._watches[watch.place]

    def outlets(self) -> list[Outlet]:
        """List all streams."""
        with self._lock:
            return [outlet for watch in self._watches.values() for outlet in watch.outlets]

    def listening(self, watch: Watch) -> list[Outlet]:
        """List the streams of one watch."""
        with self._lock:
            return list(watch.outlets)

    def watching(self, pair: Pair) -> list[Watch]:
        """Find who looks at an execution: at it alone, or at its workspace."""
        with self._lock:
            found = self._watches.get(pair), self._watches.get((pair[0], None))
        return [watch for watch in found if watch is not None]

    def learn(self, watch: Watch, rows: Iterable[Row[Any]], steps: Iterable[Row[Any]] = ()) -> None:
        """Note what clients read elsewhere as told."""
        with self._lock:
            watch.learn(rows, steps)

    def whole_workspaces(self) -> list[UUID]:
        """Name the workspaces that are looked at as a whole, once it is known what their clients can list."""
        with self._lock:
            seeded = [watch for watch in self._watches.values() if watch.seeded]
        return [watch.workspace_id for watch in seeded if watch.execution_id is None]

    def unfinished(self) -> set[Pair]:
        """Name what was told, to anybody, and had not ended then."""
        with self._lock:
            return {
                (watch.workspace_id, execution_id)
                for watch in self._watches.values()
                for execution_id in watch.unfinished()
            }


def _place(outlet: Outlet) -> Place:
    return outlet.wanted.workspace_id, outlet.wanted.execution_id

"""The feed: one thread a web process hears what changed, reads it once, and hands it to all open streams."""

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Final

from flask import Flask

from app import log
from app.announcements import Pair, Position
from app.errors import DatabaseUnavailable
from app.queue import Away
from app.stream import lookup
from app.stream.callers import Callers
from app.stream.events import Event, execution_event, reset_event, step_event
from app.stream.journal import Journal
from app.stream.outlet import Outlet
from app.stream.registry import Registry

LOOK_SECONDS: Final = 4.0  # how often the database is asked for what nobody announced: 6 s are promised
CALM_SECONDS: Final = 0.1  # changes within so long are read together, longer where many streams are woken
CALM_SECONDS_EACH: Final = 0.0015
MOST_CALM_SECONDS: Final = 0.4
AT_ONCE: Final = 8  # streams that are woken together: requests want their turn between their threads
BETWEEN_SECONDS: Final = 0.001
PAUSE_SECONDS: Final = 0.5
MOST_OWED: Final = 20_000

logger = log.get(__name__)


class Feed:
    """Feeds the streams of a registry from a thread that lives as long as there is one.

    Announcements say what to look at, within milliseconds. What nobody announced, since a worker died before
    it could or Redis is away, is found every LOOK_SECONDS by looking at what had not ended and what is new.
    """

    def __init__(self, registry: Registry, journal: Journal) -> None:
        self._registry = registry
        self._journal = journal
        self._callers = Callers()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._position: Position | None = None
        self._owed: set[Pair] = set()
        self._next_look = 0.0
        self._is_late = False

    def start(self, app: Flask) -> Position | None:
        """Run unless it runs already; give the position up to which all was told, None when Redis is away."""
        with self._lock:
            if self._thread is None and not self._stopped.is_set():
                self._position = self._tail()
                self._next_look = time.monotonic() + LOOK_SECONDS
                self._thread = threading.Thread(target=self._run, args=(app,), name="streams", daemon=True)
                self._thread.start()
            return self._position

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped.set()

    def _run(self, app: Flask) -> None:
        with app.app_context():
            while self._is_needed():
                try:
                    self._turn()
                except DatabaseUnavailable:
                    self._stopped.wait(PAUSE_SECONDS)
                except Exception:
                    logger.exception("a turn of the streams failed; the next one makes up for it")
                    self._stopped.wait(PAUSE_SECONDS)

    def _is_needed(self) -> bool:
        with self._lock:
            if self._registry.outlets() and not self._stopped.is_set():
                return True
            self._thread, self._owed = None, set()
            return False

    def _turn(self) -> None:
        """Hear what changed, tell of it, and look after everything else that is due."""
        self._owe(self._hear())
        began = time.monotonic()
        self._tell(self._owed)
        self._owed = set()
        if began >= self._next_look:
            self._look()
            self._next_look = began + LOOK_SECONDS
        outlets = self._registry.outlets()
        self._callers.ask(outlets)
        took = time.monotonic() - began
        calm = max(CALM_SECONDS, CALM_SECONDS_EACH * len(outlets)) - took
        self._stopped.wait(min(MOST_CALM_SECONDS, max(calm, took)))

    def _tail(self) -> Position | None:
        try:
            return self._journal.tail()
        except Away:
            return None

    def _hear(self) -> list[Pair]:
        """Wait for announcements for a moment; none while Redis is away."""
        try:
            if self._position is None:
                self._position, self._next_look = self._journal.tail(), 0.0
            pairs, self._position = self._journal.after(self._position)
        except Away as error:
            if not self._is_late:
                logger.warning("redis is away; streams are a few seconds late", error=str(error))
            self._is_late = True
            self._stopped.wait(PAUSE_SECONDS)
            return []
        self._is_late = False
        return pairs

    def _owe(self, pairs: Iterable[Pair]) -> None:
        """Note what some stream wants to hear of; when it is too much, clients read anew what they show."""
        self._owed.update(pair for pair in pairs if self._registry.watching(pair))
        if len(self._owed) > MOST_OWED:
            self._owed = set()
            for outlet in self._registry.outlets():
                outlet.put([reset_event()], self._position)

    def _tell(self, pairs: Collection[Pair]) -> None:
        """Read executions, and put what is new of them to the streams that want it."""
        rows = lookup.read(pairs)
        watched = [
            (watch, row) for row in rows for watch in self._registry.watching((row.workspace_id, row.id))
        ]
        steps = lookup.new_steps([(watch, row) for watch, row in watched if watch.execution_id is not None])
        found: defaultdict[Outlet, list[Event]] = defaultdict(list)
        for watch, row in watched:
            events = [step_event(row.id, step) for step in steps.get(row.id, ()) if watch.execution_id]
            if watch.is_news(row):
                events.append(execution_event(row))
            for outlet in self._registry.listening(watch) if events else ():
                if outlet.wanted.includes(row):
                    found[outlet] += events
        for number, (outlet, events) in enumerate(found.items(), 1):
            outlet.put(events, self._position)
            if number % AT_ONCE == 0:
                time.sleep(BETWEEN_SECONDS)

    def _look(self) -> None:
        """Look for what nobody announced; end the streams of spaces that were deleted."""
        pairs = self._registry.unfinished()
        for pair in lookup.recent(self._registry.whole_workspaces()):
            if not any(watch.knows_end_of(pair[1]) for watch in self._registry.watching(pair)):
                pairs.add(pair)
        self._tell(pairs)
        self._end_gone_spaces()
        self._follow_replaced_redis()

    def _end_gone_spaces(self) -> None:
        outlets = [outlet for outlet in self._registry.outlets() if outlet.wanted.space_id is not None]
        places = {(o.wanted.workspace_id, o.wanted.space_id) for o in outlets if o.wanted.space_id}
        gone = lookup.gone_spaces(places)
        for outlet in outlets:
            if outlet.wanted.space_id in gone:
                outlet.end()

    def _follow_replaced_redis(self) -> None:
        """Go back to the end of a stream that is behind us: it is another one, by a clock that is late."""
        tail = self._tail()
        if tail is not None and self._position is not None and tail < self._position:
            self._position = tail

"""How bodies are read from the server: within a bounded time, and by a bounded number of threads."""

import io
import threading
import time
from collections.abc import Iterable
from typing import ClassVar, Protocol
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.exceptions import ClientDisconnected, RequestTimeout
from werkzeug.wsgi import ClosingIterator, get_content_length

from app.api.patrol import ROUND_SECONDS, WHOLE_SECONDS, Patrol, Visit
from app.errors import LineaError
from app.settings import Settings

PLACE_SECONDS = 0.5
RETRY_AFTER_SECONDS = 5
BUSY = "As many requests as may are waiting for their bodies: try again shortly."
TOO_SLOW = "The body did not come: send it without a pause, and within a minute."


class TooManyBodies(LineaError):
    """So many clients send their bodies slowly that the threads for this are in use."""

    code: ClassVar[str] = "too_many_bodies"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "Too many bodies are under way"


class Input(Protocol):
    """What a WSGI server gives a body by; it blocks until as much is there, or the end."""

    def read(self, size: int, /) -> bytes: ...


class Places:
    """How many threads may wait for bodies: most of `WEB_THREADS`, and what streams leave of theirs.

    The others stay free for what has no body, so that reading and `/healthz` go on whoever sends slowly.
    """

    def __init__(self, web_threads: int, shared: threading.Semaphore) -> None:
        self._own = threading.BoundedSemaphore(max(1, web_threads - max(1, web_threads // 4)))
        self._shared = shared

    def take(self) -> threading.Semaphore:
        """Take a place, to be released by the caller; raise TooManyBodies when none comes free shortly."""
        for places in (self._own, self._shared):
            if places.acquire(blocking=False):
                return places
        if self._own.acquire(timeout=PLACE_SECONDS):
            return self._own
        raise TooManyBodies(BUSY, retry_after=RETRY_AFTER_SECONDS)


class Body(io.RawIOBase):
    """The body of a request; a read raises RequestTimeout, ClientDisconnected, TooManyBodies."""

    def __init__(
        self, inner: Input, length: int | None, visit: Visit, patrol: Patrol, places: Places
    ) -> None:
        super().__init__()
        self._inner = inner
        self._left = length
        self._visit = visit
        self._patrol = patrol
        self._places = places

    def readable(self) -> bool:
        """Tell that this can be read."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Read until the buffer is full or the body ends; give how many bytes."""
        size = len(buffer) if self._left is None else min(len(buffer), self._left)
        if size == 0:
            return 0
        found = self._wait_for(size)
        if self._left is not None:
            self._left -= len(found)
        if not found:
            self._end()
        elif self._left != 0 and time.monotonic() - (self._visit.begun or 0.0) >= WHOLE_SECONDS:
            raise RequestTimeout(TOO_SLOW)
        buffer[: len(found)] = found
        return len(found)

    def _wait_for(self, size: int) -> bytes:
        place = self._places.take()
        try:
            self._patrol.look_after(self._visit)
            return self._inner.read(size)
        finally:
            self._visit.blocked, self._visit.at = None, time.monotonic()
            place.release()

    def _end(self) -> None:
        """Tell a body that has ended from one that was cut off: to the server both are the end.

        Of a chunked one that can be told only by the moment.
        """
        given_up = self._visit.given_up
        if given_up and (self._left or time.monotonic() - given_up < ROUND_SECONDS):
            raise RequestTimeout(TOO_SLOW)
        if self._left:
            raise ClientDisconnected


def with_bounded_bodies(
    door: WSGIApplication, settings: Settings, shared: threading.Semaphore
) -> WSGIApplication:
    """Bound how long requests wait for their bodies; `shared` are the places of streams."""
    patrol, places = Patrol(), Places(settings.web_threads, shared)

    def bounded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        visit = patrol.enter(environ.get("REMOTE_ADDR", ""))
        environ["wsgi.input"] = Body(
            environ["wsgi.input"], get_content_length(environ), visit, patrol, places
        )
        try:
            answer = door(environ, start_response)
        except BaseException:
            patrol.leave(visit)
            raise
        return ClosingIterator(answer, [lambda: patrol.leave(visit)])

    return bounded

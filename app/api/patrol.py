"""Bodies that do not come: who reads one for how long, and a patrol that hangs up on who stopped sending."""

import ipaddress
import socket
import struct
import threading
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from app import log
from app.stream.stuck import accepted_sockets

QUIET_SECONDS: Final = 10.0  # how long a sender may send nothing in the middle of a body
WHOLE_SECONDS: Final = 60.0  # how long a whole body may take
UNANSWERED_SECONDS: Final = 45.0  # longer than a request waits or a stream is silent
LATENESS_SECONDS: Final = 5.0  # how long after its last byte a request may begin, or its body be read
SLACK_SECONDS: Final = 0.05
ROUND_SECONDS: Final = 1.0
_LAST_RECEIVED: Final = 52  # where the kernel's struct tcp_info has tcpi_last_data_recv, in milliseconds
_ACKED: Final = 120  # and tcpi_bytes_acked (Linux 4.1 and later)

_log = log.get(__name__)


@dataclass(slots=True, eq=False)
class Visit:
    """A request under way: it waits for more of its body since `blocked`, and last had some of it `at`."""

    address: str
    at: float
    begun: float | None = None
    blocked: float | None = None
    given_up: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A connection from a client: its last byte was `heard` then, and it is told nothing since `silent`."""

    peer: tuple[str, int]
    heard: float
    acked: int
    silent: float

    @property
    def address(self) -> str:
        """Give the address of the client."""
        return self.peer[0]


class Patrol:
    """Knows all requests under way, and has a thread that looks after those that read while there are any.

    The server tells no request which connection it came by. So connections are judged by what the kernel
    knows of them, and those of requests that wait for something else are told by when their last byte came.
    """

    def __init__(self) -> None:
        self._visits: set[Visit] = set()
        self._lines: dict[tuple[str, int], Line] = {}
        self._wanted = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def enter(self, address: str) -> Visit:
        """Begin a request."""
        visit = Visit(canonical(address), time.monotonic())
        self._visits.add(visit)
        return visit

    def leave(self, visit: Visit) -> None:
        """End a request."""
        self._visits.discard(visit)

    def look_after(self, visit: Visit) -> None:
        """Note that a request waits for its body from now on."""
        visit.blocked = time.monotonic()
        visit.begun = visit.begun or visit.blocked
        if not self._wanted.is_set():
            self._wanted.set()
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._walk, name="patrol", daemon=True)
                self._thread.start()

    def _walk(self) -> None:
        while self._wanted.wait():
            time.sleep(ROUND_SECONDS)
            try:
                self._look()
            except OSError as error:
                _log.error("patrol_failed", error=str(error))

    def _look(self) -> None:
        """Do one round: nothing but a glance at the requests while no read takes long."""
        visits, now = self._visits.copy(), time.monotonic()
        if not any(visit.blocked for visit in visits):
            self._wanted.clear()
            if not any(visit.blocked for visit in self._visits.copy()):
                return
            self._wanted.set()
        late = {visit.address for visit in visits if visit.begun and now - visit.begun >= QUIET_SECONDS}
        if not late:
            self._lines = {}
            return
        with accepted_sockets() as connections:
            found = [(_line(one, now, self._lines), one) for one in connections]
            lines = {line.peer: line for line, _ in found if line is not None and line.address in late}
            wrong = overdue(visits, list(lines.values()), now)
            for line, connection in found:
                if line in wrong:
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_RD)
        self._lines = lines
        if wrong:
            _log.warning("bodies_given_up", connections=len(wrong))


def overdue(visits: Collection[Visit], lines: Sequence[Line], now: float) -> list[Line]:
    """Give the connections to hang up on, and mark the requests that read from them as given up.

    Where a read stands still: those that brought nothing for `QUIET_SECONDS` and are not of a request that
    is answered or waits. Where a body takes `WHOLE_SECONDS`: those that were told nothing for so long that
    no other request is on them. An idle connection may be closed with them, as any server may do.
    """
    reads = [visit for visit in visits if visit.blocked]
    quiet = [visit for visit in reads if now - (visit.blocked or now) >= QUIET_SECONDS]
    slow = [visit for visit in reads if now - (visit.begun or now) >= WHOLE_SECONDS]
    others = [visit for visit in visits if not visit.blocked]
    stopped, dripping = ({visit.address for visit in late} for late in (quiet, slow))
    wrong = [
        line
        for line in lines
        if (line.address in stopped and now - line.heard >= QUIET_SECONDS and not _is_of(line, others))
        or (line.address in dripping and now - line.silent >= UNANSWERED_SECONDS)
    ]
    addresses = {line.address for line in wrong}
    for visit in reads:
        if visit.address in addresses and now - (visit.begun or now) >= QUIET_SECONDS - LATENESS_SECONDS:
            visit.given_up = now
    return wrong


def canonical(address: str) -> str:
    """Write an address in one way, an IPv4 one within IPv6 as the former; what is none stays as it is."""
    with suppress(ValueError):
        found = ipaddress.ip_address(address.partition("%")[0])
        return str(getattr(found, "ipv4_mapped", None) or found)
    return address


def _is_of(line: Line, visits: Sequence[Visit]) -> bool:
    """Tell whether a connection may be that of one of these requests, by when its last byte came."""
    return any(
        visit.address == line.address and -SLACK_SECONDS <= visit.at - line.heard <= LATENESS_SECONDS
        for visit in visits
    )


def _line(connection: socket.socket, now: float, before: dict[tuple[str, int], Line]) -> Line | None:
    """Ask the kernel about a connection; None for one that is gone, or where the kernel does not tell."""
    try:
        host, port, *_ = connection.getpeername()
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKED + 8)
        [quiet] = struct.unpack_from("=I", info, _LAST_RECEIVED)
        [acked] = struct.unpack_from("=Q", info, _ACKED)
    except (OSError, struct.error):
        return None
    peer = (canonical(host), port)
    known = before.get(peer)
    silent = known.silent if known is not None and known.acked == acked else now
    return Line(peer, now - quiet / 1000, acked, silent)

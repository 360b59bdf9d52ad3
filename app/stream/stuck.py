"""Clients that stop reading: the kernel hangs up on them, so that a stream gives its place back."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

STUCK_SECONDS: Final = 15
DESCRIPTORS: Final = Path("/proc/self/fd")


def bound_writes(seconds: float = STUCK_SECONDS) -> int:
    """Bound how long what is sent to clients may stand still; give on how many sockets that was set.

    A thread of the server waits in a write for as long as the kernel does: a quarter of an hour for a client
    that vanished, for ever for one that is there and reads nothing. TCP_USER_TIMEOUT (RFC 5482) ends both.
    It is set on what listens here, from which all that is accepted later has it, and on what was accepted
    before. Where there is no such option, as on macOS, nothing is set.
    """
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        return 0
    with _sockets_at_our_doors() as ours:
        for copy in ours:
            with suppress(OSError):
                copy.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * seconds))
    return len(ours)


@contextmanager
def accepted_sockets() -> Iterator[list[socket.socket]]:
    """Give copies of the sockets of all clients of this process."""
    with _sockets_at_our_doors() as ours:
        yield [copy for copy in ours if not _listens(copy)]


@contextmanager
def _sockets_at_our_doors() -> Iterator[list[socket.socket]]:
    """Give copies of what listens here and of what was accepted from it."""
    with _tcp_sockets() as copies:
        doors = {copy.getsockname()[1] for copy in copies if _listens(copy)}
        yield [copy for copy in copies if copy.getsockname()[1] in doors]


@contextmanager
def _tcp_sockets() -> Iterator[list[socket.socket]]:
    """Give copies of all TCP sockets of this process, whoever opened them."""
    with ExitStack() as stack:
        copies = [stack.enter_context(copy) for copy in map(_copy, _descriptors()) if copy is not None]
        yield [copy for copy in copies if _is_tcp(copy)]


def _descriptors() -> list[int]:
    return [int(entry.name) for entry in DESCRIPTORS.iterdir()] if DESCRIPTORS.is_dir() else []


def _copy(descriptor: int) -> socket.socket | None:
    """Copy a socket; None for what is none, or was closed meanwhile."""
    with suppress(OSError):
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return socket.socket(fileno=os.dup(descriptor))
    return None


def _is_tcp(found: socket.socket) -> bool:
    return found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM


def _listens(found: socket.socket) -> bool:
    return bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))

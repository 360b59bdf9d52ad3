"""The sandbox's other side, run as a program of its own: a zygote that forks the children that evaluate.

It imports nothing of the application, has an empty environment and sees only its socket.
"""

import ctypes
import gc
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import quickjs

ORDER = struct.Struct("!cI")
PID = struct.Struct("!I")
REQUEST = struct.Struct("!IdIB")
REPLY = struct.Struct("!IB")
DONE, OUT_OF_TIME, OUT_OF_MEMORY, BROKEN, LINE, FULL = range(6)
MOST_LINES, MOST_LOG = 1000, 256 * 1024

_MEBIBYTE = 1024 * 1024
_ROOM = 192 * _MEBIBYTE
_NOBODY = 65534
# Expressions yield to all else on the machine, and code to expressions too.
_NICE, _NICEST = 10, 19
_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_LIBC = ctypes.CDLL(None, use_errno=True)
_HARNESS = Path(__file__).with_name("sandbox.js").read_text()
_CONSOLE = Path(__file__).with_name("sandbox_console.js").read_text()


def zygote(control: socket.socket) -> None:
    """Fork a child for each socket that arrives, reap the children that are named; end with the parent."""
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.nice(_NICE)
    if _LIBC.unshare(_CLONE_NEWNET | _CLONE_NEWIPC) != 0:
        _LIBC.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC)
    quickjs.Context().eval(_HARNESS)
    gc.freeze()
    while True:
        message, fds, _, _ = socket.recv_fds(control, ORDER.size, 1)
        if len(message) < ORDER.size:
            return
        if fds:
            control.sendall(PID.pack(_fork(fds[0])))
            os.close(fds[0])
        else:
            os.waitpid(ORDER.unpack(message)[1], 0)


def _fork(fd: int) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            _confine(fd, parent)
            _serve()
            status = 0
        finally:
            os._exit(status)
    return pid


def _confine(fd: int, parent: int) -> None:
    """Give up all but the socket, which becomes file 0: files, user, children, a life after the zygote."""
    os.dup2(fd, 0)
    os.closerange(1, 1024)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    for limit in (resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        resource.setrlimit(limit, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, 1))


def _serve() -> None:
    """Answer requests, each in a context that nothing was in before; it is made while nobody waits for it."""
    base, empty = resource.getpagesize() * _BASE_PAGES, _most_memory()
    connection = socket.socket(fileno=0)
    while True:
        context = quickjs.Context()
        call = context.eval(_HARNESS)
        head = _read(connection, REQUEST.size)
        length, seconds, mebibytes, pure = REQUEST.unpack(head)
        payload = _read(connection, length).decode()
        _limit(base, seconds, mebibytes)
        context.set_memory_limit(mebibytes * _MEBIBYTE)
        if pure:
            context.set_time_limit(seconds)
        else:
            # The engine calls out of itself only without a time limit: the parent ends what takes too long.
            context.add_callable("emit", _emitter(connection))
            os.setpriority(os.PRIO_PROCESS, 0, _NICEST)
        status, reply = _evaluate(call, payload)
        if status == DONE and _most_memory() - empty > mebibytes * _MEBIBYTE // 2:
            status = FULL
        _send(connection, status, reply)
        del call, context


def _most_memory() -> int:
    """Give the most bytes that this process has ever had in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if sys.platform == "linux" else 1)


def _emitter(connection: socket.socket) -> Callable[[str, str], None]:
    """Give what sends a line of the log; after the first one that is too much it sends no more."""
    lines = size = 0

    def emit(level: str, text: str) -> None:
        nonlocal lines, size
        if lines <= MOST_LINES and size <= MOST_LOG:
            lines += 1
            size += len(text)
            _send(connection, LINE, f"{level}\n{text}")

    return emit


def _send(connection: socket.socket, status: int, text: str) -> None:
    data = text.encode("utf-8", "backslashreplace")
    connection.sendall(REPLY.pack(len(data), status) + data)


def _read(connection: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        piece = connection.recv(min(length - len(data), _MEBIBYTE))
        if not piece:
            os._exit(0)
        data += piece
    return bytes(data)


def _limit(base: int, seconds: float, mebibytes: int) -> None:
    """Raise the limits by this evaluation's budget: the kernel counts the child's whole life."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + 3, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_AS, (base + mebibytes * _MEBIBYTE + _ROOM, resource.RLIM_INFINITY))


def _evaluate(call: quickjs.Object, payload: str) -> tuple[int, str]:
    try:
        return DONE, str(call(payload, _CONSOLE))
    except quickjs.JSException as error:
        return _verdict(str(error))
    except MemoryError:
        return OUT_OF_MEMORY, ""
    except (TypeError, UnicodeError) as error:
        return BROKEN, f"Its value could not be taken over: {error}"


def _verdict(message: str) -> tuple[int, str]:
    if "InternalError: interrupted" in message:
        return OUT_OF_TIME, ""
    if "out of memory" in message or message.startswith("null"):
        return OUT_OF_MEMORY, ""
    return BROKEN, message.partition("\n")[0]


_BASE_PAGES = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 65536

if __name__ == "__main__":
    zygote(socket.socket(fileno=0))

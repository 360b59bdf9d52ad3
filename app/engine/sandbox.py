"""Evaluates JavaScript in child processes that have nothing to lose; asyncio on this side."""

import asyncio
import os
import signal
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from app import strictjson
from app.engine.sandbox_child import DONE, OUT_OF_MEMORY, OUT_OF_TIME, REPLY, REQUEST
from app.engine.sandbox_turns import Turns
from app.engine.sandbox_zygote import Zygote
from app.errors import LineaError

Json = Any

_MEBIBYTE = 1024 * 1024
_LARGEST_REPLY = 8 * _MEBIBYTE
_USES = 2000
_DEPTH = 64 + 2
_PATIENCE = 10
_TICKS = 100


class SandboxFailed(Exception):
    """The evaluation did not end well; the message says why, for the user."""


class _ChildDied(Exception):
    """The child is gone though nothing was wrong with the time it took."""


@dataclass(frozen=True, slots=True)
class Script:
    """One expression: `text` for its value inside a text, `condition` to go on only when it is true."""

    source: str
    text: bool = False
    condition: bool = False


@dataclass(frozen=True, slots=True)
class Expressions:
    """Expressions to evaluate in one exchange, with the values of the names they use."""

    scripts: tuple[Script, ...]
    values: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a function to call with the values under their names; clock and chance work in it."""

    source: str
    values: dict[str, Json]


@dataclass(slots=True)
class Reply:
    """What came of it: `values`, or `skip` when a condition was false; `error` with what JavaScript threw."""

    values: list[Json] = field(default_factory=list)
    skip: bool = False
    logs: list[tuple[str, str]] = field(default_factory=list)
    error: dict[str, Any] | None = None


@dataclass(slots=True)
class _Child:
    pid: int
    connection: socket.socket
    workspace_id: UUID
    zygote: Zygote
    uses: int = 0
    overdue: bool = False

    def stop(self) -> None:
        """Kill it while somebody still reads from it."""
        self.overdue = True
        os.kill(self.pid, signal.SIGKILL)

    def end(self) -> None:
        self.connection.close()
        self.zygote.reap(self.pid)


class Sandbox:
    """At most `children` processes; none is started before the first evaluation."""

    def __init__(self, children: int) -> None:
        self._places = children
        self._turns = Turns(children)
        self._zygote: Zygote | None = None
        self._forking = asyncio.Lock()
        self._idle: list[_Child] = []
        self._busy: set[int] = set()
        self._closed = False

    async def evaluate(
        self, workspace_id: UUID, request: Expressions | Body, *, seconds: float = 1, mebibytes: int = 64
    ) -> Reply:
        """Evaluate in a fresh context; a child that dies without having used up its time gets a second try.

        Raises SandboxFailed.
        """
        frame = _frame(request, seconds, mebibytes)
        await self._turns.take(workspace_id)
        try:
            try:
                return await self._attempt(workspace_id, frame, seconds, mebibytes)
            except (_ChildDied, OSError):
                return await self._attempt(workspace_id, frame, seconds, mebibytes)
        except (_ChildDied, OSError):
            raise SandboxFailed("The process that evaluated it died, twice.") from None
        finally:
            self._turns.give_back(workspace_id)

    async def close(self) -> None:
        """End all children; whoever still waits for one is told."""
        self._closed = True
        self._forget_zygote()

    async def _attempt(self, workspace_id: UUID, frame: bytes, seconds: float, mebibytes: int) -> Reply:
        child = await self._child(workspace_id)
        whole = False
        self._busy.add(child.pid)
        watch = _Watch(child, seconds)
        try:
            status, data = await _exchange(child, frame)
            whole = True
        except (OSError, EOFError):
            if child.overdue:
                raise SandboxFailed(_too_long(seconds)) from None
            raise _ChildDied from None
        finally:
            watch.stop()
            self._busy.discard(child.pid)
            self._keep_or_kill(child, whole)
        return _reply(status, data, seconds, mebibytes)

    def _keep_or_kill(self, child: _Child, whole: bool) -> None:
        child.uses += 1
        if whole and not child.overdue and child.uses < _USES and child.zygote is self._zygote:
            self._idle.append(child)
        else:
            child.end()

    async def _child(self, workspace_id: UUID) -> _Child:
        for child in self._idle:
            if child.workspace_id == workspace_id:
                self._idle.remove(child)
                return child
        async with self._forking:
            while self._idle and len(self._idle) + len(self._busy) >= self._places:
                self._idle.pop(0).end()
            return await self._fork(workspace_id)

    async def _fork(self, workspace_id: UUID) -> _Child:
        for _ in range(2):
            if self._closed:
                raise SandboxFailed("The worker is shutting down.")
            if self._zygote is None:
                self._zygote = Zygote.start()
            try:
                pid, connection = await self._zygote.fork()
            except OSError:
                self._forget_zygote()
            except BaseException:
                self._forget_zygote()
                raise
            else:
                return _Child(pid, connection, workspace_id, self._zygote)
        raise ConnectionResetError("the zygote does not start")

    def _forget_zygote(self) -> None:
        if self._zygote:
            self._zygote.end()
        self._zygote = None
        for child in self._idle:
            child.connection.close()
        self._idle.clear()


class _Watch:
    """Kills a child that has used up its time; one that the machine kept waiting gets more of it."""

    def __init__(self, child: _Child, seconds: float) -> None:
        self._child = child
        self._loop = asyncio.get_running_loop()
        self._budget = _cpu_seconds(child.pid) + seconds
        self._latest = self._loop.time() + seconds * _PATIENCE
        self._timer = self._loop.call_later(seconds + 0.2, self._look)

    def stop(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        if _cpu_seconds(self._child.pid) >= self._budget or self._loop.time() >= self._latest:
            self._child.stop()
        else:
            self._timer = self._loop.call_later(0.1, self._look)


async def _exchange(child: _Child, frame: bytes) -> tuple[int, bytes]:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(child.connection, frame)
    length, status = REPLY.unpack(await _read(child.connection, REPLY.size))
    if length > _LARGEST_REPLY:
        raise SandboxFailed(f"The value is larger than {_LARGEST_REPLY // _MEBIBYTE} MiB.")
    return status, await _read(child.connection, length)


async def _read(connection: socket.socket, length: int) -> bytes:
    loop = asyncio.get_running_loop()
    data = bytearray()
    while len(data) < length:
        piece = await loop.sock_recv(connection, length - len(data))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def _frame(request: Expressions | Body, seconds: float, mebibytes: int) -> bytes:
    message: dict[str, Json] = {"names": list(request.values), "values": request.values}
    if isinstance(request, Body):
        message["body"] = request.source
    else:
        message["scripts"] = [
            {"source": script.source, "text": script.text, "condition": script.condition}
            for script in request.scripts
        ]
    payload = strictjson.dumps(message)
    if len(payload) > mebibytes * _MEBIBYTE // 2:
        raise SandboxFailed(f"The values that it names are larger than {mebibytes // 2} MiB.")
    return REQUEST.pack(len(payload), seconds, mebibytes, isinstance(request, Expressions)) + payload


def _reply(status: int, data: bytes, seconds: float, mebibytes: int) -> Reply:
    if status == OUT_OF_TIME:
        raise SandboxFailed(_too_long(seconds))
    if status == OUT_OF_MEMORY:
        raise SandboxFailed(f"It needs more than {mebibytes} MiB of memory.")
    if status != DONE:
        raise SandboxFailed(data.decode(errors="replace")[:500])
    try:
        return _well_formed(Reply(**strictjson.loads_computed(data, max_depth=_DEPTH)))
    except LineaError as error:
        message = error.faults[0].message if error.faults else "The value could not be read."
        raise SandboxFailed(message.replace(f"than {_DEPTH} levels", f"than {_DEPTH - 2} levels")) from None
    except (TypeError, ValueError):
        raise SandboxFailed("The value could not be read.") from None


def _well_formed(reply: Reply) -> Reply:
    """Return the reply, or raise TypeError: a script can have changed what makes it."""
    lines_are_texts = all(isinstance(part, str) for line in reply.logs for part in line)
    if not isinstance(reply.values, list) or not isinstance(reply.error, dict | None) or not lines_are_texts:
        raise TypeError
    return Reply(reply.values, reply.skip is True, [(level, text) for level, text in reply.logs], reply.error)


def _too_long(seconds: float) -> str:
    return f"It took longer than {seconds:g} {'second' if seconds == 1 else 'seconds'}."


def _cpu_seconds(pid: int) -> float:
    """Return the processor time of a process so far; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS

"""Evaluates JavaScript in child processes that have nothing to lose; asyncio on this side."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app import strictjson
from app.engine.sandbox_child import DONE, FULL, LINE, OUT_OF_MEMORY, OUT_OF_TIME, REPLY, REQUEST
from app.engine.sandbox_process import Child, Watch
from app.engine.sandbox_turns import Kind, Turns
from app.engine.sandbox_zygote import Zygote
from app.engine.unfit import told
from app.errors import LineaError

Json = Any
Log = Callable[[str, str], None]

_MEBIBYTE = 1024 * 1024
_LARGEST_REPLY = 8 * _MEBIBYTE
_USES = 2000
_DEPTH = 64 + 2


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
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Order:
    """A request as the child takes it, and who hears what it logs."""

    kind: Kind
    frame: bytes
    seconds: float
    mebibytes: int
    log: Log


class Sandbox:
    """At most `children` processes; none is started before the first evaluation."""

    def __init__(self, children: int) -> None:
        self._places = children
        self._turns = Turns(children)
        self._zygote: Zygote | None = None
        self._forking = asyncio.Lock()
        self._idle: list[Child] = []
        self._busy: set[int] = set()
        self._closed = False

    async def evaluate(
        self,
        workspace_id: UUID,
        request: Expressions | Body,
        *,
        seconds: float = 1,
        mebibytes: int = 64,
        log: Log = lambda _level, _line: None,
    ) -> Reply:
        """Evaluate in a fresh context; a child that dies without having used up its time gets a second try.

        `log` hears each line that a body logs at once, with its level. Raises SandboxFailed.
        """
        order = _order(request, seconds, mebibytes, log)
        await self._turns.take(workspace_id, order.kind)
        try:
            try:
                return await self._attempt(workspace_id, order)
            except (_ChildDied, OSError):
                return await self._attempt(workspace_id, order)
        except (_ChildDied, OSError):
            raise SandboxFailed("The process that evaluated it died, twice.") from None
        finally:
            self._turns.give_back(workspace_id, order.kind)

    async def close(self) -> None:
        """End all children; whoever still waits for one is told."""
        self._closed = True
        self._forget_zygote()

    async def _attempt(self, workspace_id: UUID, order: "_Order") -> Reply:
        child = await self._child(workspace_id, order.kind)
        clean = False
        self._busy.add(child.pid)
        watch = Watch(child, order.seconds)
        try:
            status, data = await _exchange(child, order)
            clean = status != FULL
        except (OSError, EOFError):
            if child.overdue or watch.used_up:
                raise SandboxFailed(_too_long(order.seconds)) from None
            raise _ChildDied from None
        finally:
            watch.stop()
            self._busy.discard(child.pid)
            self._keep_or_kill(child, clean)
        return _reply(status, data, order)

    def _keep_or_kill(self, child: Child, clean: bool) -> None:
        child.uses += 1
        if clean and not child.overdue and child.uses < _USES and child.zygote is self._zygote:
            self._idle.append(child)
        else:
            child.end()

    async def _child(self, workspace_id: UUID, kind: Kind) -> Child:
        for child in self._idle:
            if (child.workspace_id, child.kind) == (workspace_id, kind):
                self._idle.remove(child)
                return child
        async with self._forking:
            while self._idle and len(self._idle) + len(self._busy) >= self._places:
                self._idle.pop(0).end()
            return await self._fork(workspace_id, kind)

    async def _fork(self, workspace_id: UUID, kind: Kind) -> Child:
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
                return Child(pid, connection, workspace_id, kind, self._zygote)
        raise ConnectionResetError("the zygote does not start")

    def _forget_zygote(self) -> None:
        if self._zygote:
            self._zygote.end()
        self._zygote = None
        for child in self._idle:
            child.connection.close()
        self._idle.clear()


async def _exchange(child: Child, order: _Order) -> tuple[int, bytes]:
    """Send the request and give status and data of the answer; what is logged before it is passed on."""
    await asyncio.get_running_loop().sock_sendall(child.connection, order.frame)
    while True:
        length, status = REPLY.unpack(await _read(child.connection, REPLY.size))
        if length > _LARGEST_REPLY:
            raise SandboxFailed(f"The value is larger than {_LARGEST_REPLY // _MEBIBYTE} MiB.")
        data = await _read(child.connection, length)
        if status != LINE:
            return status, data
        level, _, line = data.decode(errors="replace").partition("\n")
        order.log(level, line)


async def _read(connection: socket.socket, length: int) -> bytes:
    loop = asyncio.get_running_loop()
    data = bytearray()
    while len(data) < length:
        piece = await loop.sock_recv(connection, length - len(data))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def _order(request: Expressions | Body, seconds: float, mebibytes: int, log: Log) -> _Order:
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
    kind = Kind.CODE if isinstance(request, Body) else Kind.EXPRESSIONS
    head = REQUEST.pack(len(payload), seconds, mebibytes, kind is Kind.EXPRESSIONS)
    return _Order(kind, head + payload, seconds, mebibytes, log)


def _reply(status: int, data: bytes, order: _Order) -> Reply:
    if status == OUT_OF_TIME:
        raise SandboxFailed(_too_long(order.seconds))
    if status == OUT_OF_MEMORY:
        raise SandboxFailed(_too_large(order.mebibytes))
    if status not in (DONE, FULL):
        raise SandboxFailed(data.decode(errors="replace")[:500])
    try:
        reply = _well_formed(Reply(**strictjson.loads_computed(data, max_depth=_DEPTH)))
    except LineaError as error:
        message = error.faults[0].message if error.faults else "The value could not be read."
        raise SandboxFailed(message.replace(f"than {_DEPTH} levels", f"than {_DEPTH - 2} levels")) from None
    except (TypeError, ValueError):
        raise SandboxFailed("The value could not be read.") from None
    if reply.error is not None:
        reply.error["message"] = _explained(reply.error, status, order)
    return reply


def _explained(error: dict[str, Json], status: int, order: _Order) -> str:
    """Say what was thrown; out of memory the engine throws null where it cannot even make its error."""
    message = error.get("message")
    if "key" in error and (unfit := told(str(message), str(error["key"]))):
        return unfit
    if message == "InternalError: out of memory" or (message is None and status == FULL):
        return _too_large(order.mebibytes)
    if message is None:
        what = "code" if order.kind is Kind.CODE else "expression"
        return f"The {what} threw null: throw an Error to say what is wrong"
    return str(message)


def _well_formed(reply: Reply) -> Reply:
    """Return the reply, or raise TypeError: a script can have changed what makes it."""
    if not isinstance(reply.values, list) or not isinstance(reply.error, dict | None):
        raise TypeError
    return Reply(reply.values, reply.skip is True, reply.error)


def _too_large(mebibytes: int) -> str:
    return f"It needs more than {mebibytes} MiB of memory."


def _too_long(seconds: float) -> str:
    return f"It took longer than {seconds:g} {'second' if seconds == 1 else 'seconds'}."

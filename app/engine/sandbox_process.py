"""A child of the sandbox as its parent sees it, and the watch that kills it when its time is used up."""

import asyncio
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from app.engine.sandbox_turns import Kind
from app.engine.sandbox_zygote import Zygote

_PATIENCE = 10
_TICKS = 100


@dataclass(slots=True)
class Child:
    """A process that evaluates, for one workspace and one kind: code has a lower priority for good."""

    pid: int
    connection: socket.socket
    workspace_id: UUID
    kind: Kind
    zygote: Zygote
    uses: int = 0
    overdue: bool = False

    def stop(self) -> None:
        """Kill it while somebody still reads from it."""
        self.overdue = True
        os.kill(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """End it for good."""
        self.connection.close()
        self.zygote.reap(self.pid)


class Watch:
    """Kills a child that has used up its time; one that the machine kept waiting gets more of it."""

    def __init__(self, child: Child, seconds: float) -> None:
        self._child = child
        self._loop = asyncio.get_running_loop()
        self._budget = _cpu_seconds(child.pid) + seconds
        self._latest = self._loop.time() + seconds * _PATIENCE
        self._timer = self._loop.call_later(seconds + 0.2, self._look)

    def stop(self) -> None:
        """Watch no longer."""
        self._timer.cancel()

    @property
    def used_up(self) -> bool:
        """Tell whether the child has had its time, or can have none any more."""
        return _cpu_seconds(self._child.pid) >= self._budget or self._loop.time() >= self._latest

    def _look(self) -> None:
        if self.used_up:
            self._child.stop()
        else:
            self._timer = self._loop.call_later(0.1, self._look)


def _cpu_seconds(pid: int) -> float:
    """Return the processor time of a process so far; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS

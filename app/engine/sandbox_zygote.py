"""Starts the zygote and gets children from it; the blocking part is one short message each way."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from app.engine.sandbox_child import ORDER, PID

_PROGRAM = Path(__file__).with_name("sandbox_child.py")


class Zygote:
    """A clean process to fork children from; it dies when its control socket closes."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self._process = process
        self._control = control

    @classmethod
    def start(cls) -> "Zygote":
        """Start the program with an empty environment, in `/`, with no file but its socket."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
                [sys.executable, "-I", str(_PROGRAM)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"TZ": "UTC"},
                cwd="/",
                close_fds=True,
                start_new_session=True,
            )
        ours.setblocking(False)
        return cls(process, ours)

    async def fork(self) -> tuple[int, socket.socket]:
        """Return pid and socket of a new child.

        Raises OSError when the zygote is gone.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._control, [ORDER.pack(b"F", 0)], [theirs.fileno()])
            answer = await asyncio.get_running_loop().sock_recv(self._control, PID.size)
            if len(answer) != PID.size:
                raise ConnectionResetError("the zygote is gone")
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)
        return PID.unpack(answer)[0], ours

    def reap(self, pid: int) -> None:
        """Kill a child for good; until it is reaped here its pid cannot belong to anybody else."""
        try:
            os.kill(pid, signal.SIGKILL)
            self._control.send(ORDER.pack(b"R", pid))
        except OSError:
            return

    def end(self) -> None:
        """End the zygote and with it all its children."""
        self._control.close()
        self._process.kill()
        self._process.wait()

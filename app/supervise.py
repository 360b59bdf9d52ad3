"""Keeps child processes running: starts again what died, forwards what they print, stops them in order."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

from app.outputs import Outputs, Say

FIRST_BACKOFF_SECONDS, LAST_BACKOFF_SECONDS = 0.5, 10.0
STEADY_SECONDS = 30  # one that lived longer than this is started again without a growing delay
TURN_SECONDS = 0.1
SAME_REQUEST_SECONDS = 0.5
Process = subprocess.Popen[bytes]


@dataclass
class Child:
    """One process to keep running; `start` makes it, the leader of a session of its own.

    `patient`: it gets its `grace` (seconds) also when the stop is hurried.
    """

    name: str
    start: Callable[[], Process]
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 10
    patient: bool = False
    process: Process | None = None
    started: float = 0
    deaths: int = 0
    due: float | None = None
    asked: float | None = None


class Supervisor:
    """Runs children from one thread; call `turn` again and again, then `stop`."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.children: list[Child] = []
        self.outputs = Outputs(say)
        self.asked: float | None = None
        self.hurry = False

    def ask_to_stop(self, signum: int, _frame: FrameType | None = None) -> None:
        """Remember that a signal asked for the end; a second Ctrl-C hurries.

        One closing terminal or `make` may send several signals at once: they count as one.
        """
        now = time.monotonic()
        if self.asked is None:
            self.asked = now
        elif signum == signal.SIGINT and now - self.asked > SAME_REQUEST_SECONDS:
            self.hurry = True

    def run(self, child: Child) -> None:
        """Keep a child running from now on."""
        if child.process is None:
            self._start(child)
        self.children.append(child)

    def succeeds(self, task: Child) -> bool:
        """See a one-off process to its end, or stop it when asked to; tell whether it succeeded."""
        process = self._start(task)
        while process.poll() is None and self.asked is None:
            self.outputs.forward(TURN_SECONDS)
        self._stop(task)
        return process.returncode == 0

    def turn(self) -> None:
        """Forward output for a moment, then look after those that died."""
        self.outputs.forward(TURN_SECONDS)
        for child in self.children:
            self._look_after(child)

    def stop(self, *, together: bool = False) -> None:
        """Stop all, the last started first or `together`; when hurried only the patient ones get time."""
        for child in self.children if together else ():
            self._ask(child)
        while self.children:
            self._stop(self.children.pop())

    def _start(self, child: Child) -> Process:
        child.process = process = child.start()
        child.started, child.due = time.monotonic(), None
        self.outputs.add(child.name, process.stdout)
        return process

    def _look_after(self, child: Child) -> None:
        if child.process is None or child.process.poll() is None:
            return
        now = time.monotonic()
        if child.due is None:
            self._bury(child, child.process, now)
        elif now >= child.due:
            self._start_again(child, now)

    def _bury(self, child: Child, process: Process, now: float) -> None:
        self._clear(process)
        child.deaths = 1 if now - child.started > STEADY_SECONDS else child.deaths + 1
        delay = min(FIRST_BACKOFF_SECONDS * 2 ** (child.deaths - 1), LAST_BACKOFF_SECONDS)
        child.due = now + delay
        self.say(child.name, f"{how_it_ended(process.returncode)}; starting it again in {delay:g} s")

    def _start_again(self, child: Child, now: float) -> None:
        try:
            self._start(child)
        except OSError as error:
            child.due = now + LAST_BACKOFF_SECONDS
            self.say(child.name, f"{error}; trying again in {LAST_BACKOFF_SECONDS:g} s")

    def _stop(self, child: Child) -> None:
        process = child.process
        if process is None:
            return
        self._wait(child, process, self._ask(child) + child.grace)
        if process.poll() is None and not self.hurry:
            self.say(child.name, f"still runs after {child.grace:g} s; ending it now")
        self._clear(process)

    def _ask(self, child: Child) -> float:
        """Ask a child to end, unless it has been asked; give when that was."""
        if child.asked is None:
            child.asked = time.monotonic()
            if child.process is not None and child.process.poll() is None:
                child.process.send_signal(child.stop_signal)
        return child.asked

    def _wait(self, child: Child, process: Process, deadline: float) -> None:
        while process.poll() is None and time.monotonic() < deadline:
            if self.hurry and not child.patient:
                return
            self.outputs.forward(TURN_SECONDS)

    def _clear(self, process: Process) -> None:
        """End what is left of a child and its own children, and forward its last words."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.outputs.finish(process.stdout)


def deaf() -> None:
    """Ignore further requests to stop: the interpreter, as it ends, would take them for its death."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)


def how_it_ended(code: int) -> str:
    """Say an exit code in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was ended by {signal.Signals(-code).name}"

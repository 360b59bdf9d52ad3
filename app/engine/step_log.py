"""The log of one step, kept within its limits: a last line says where it was cut."""

from collections.abc import Callable
from dataclasses import replace

from app.store.steps import LogLine

MOST_LINES = 1000
MOST_BYTES = 256 * 1024
CUT = "The log is cut here: 1,000 lines or 256 KiB are the most"


class StepLog:
    """Writes lines as they come; the one that fills the log waits for the next, which would cut it."""

    def __init__(self, write: Callable[[LogLine], None]) -> None:
        self._write = write
        self._room = MOST_BYTES - len(CUT)
        self._lines = 0
        self._held: LogLine | None = None
        self._full = False

    def add(self, line: LogLine) -> None:
        """Write a line, as much of it as there is room for, or nothing behind the cut."""
        if self._full:
            return
        size = len(line.message.encode())
        if size > self._room or self._held is not None:
            self._cut(line)
        elif self._lines == MOST_LINES - 1:
            self._held = line
        else:
            self._put(line, size)

    def close(self) -> None:
        """Write what was held back: nothing came behind it."""
        if self._held is not None:
            self._write(self._held)
        self._held, self._full = None, True

    def _put(self, line: LogLine, size: int) -> None:
        self._write(line)
        self._lines += 1
        self._room -= size

    def _cut(self, line: LogLine) -> None:
        if self._held is None and self._lines < MOST_LINES - 1:
            begin = line.message.encode()[: max(0, self._room - len("…".encode()))]
            self._write(replace(line, message=begin.decode(errors="ignore") + "…"))
        self._write(replace(line, level="warning", message=CUT))
        self._held, self._full = None, True

"""Forwards what child processes print, line by line and under their names, from one thread."""

import os
import selectors
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

LONGEST_LINE = 1 << 20
Say = Callable[[str, str], None]


def say(name: str, text: str) -> None:
    """Say a line on standard error; one that cannot be written, as on a full disk, is lost."""
    with suppress(OSError):
        print(f"{name}: {text}", file=sys.stderr, flush=True)  # noqa: T201 -- what a supervisor says is no log


@dataclass(eq=False)
class Source:
    """The output of one process, and the part of a line that has come so far."""

    name: str
    stream: IO[bytes]
    rest: bytes = field(default=b"", repr=False)


class Outputs:
    """The outputs of all children."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._selector = selectors.DefaultSelector()

    def add(self, name: str, stream: IO[bytes] | None) -> None:
        """Forward `stream` from now on; None is a child that writes elsewhere."""
        if stream is None:
            return
        os.set_blocking(stream.fileno(), False)
        self._selector.register(stream, selectors.EVENT_READ, Source(name, stream))

    def forward(self, seconds: float) -> None:
        """Forward what comes within `seconds`."""
        if not self._selector.get_map():
            time.sleep(seconds)
            return
        for key, _ in self._selector.select(seconds):
            self._read(key.data)

    def finish(self, stream: IO[bytes] | None) -> None:
        """Forward the last words of a process that ended, and forget it."""
        key = None if stream is None or stream.closed else self._selector.get_map().get(stream)
        if key is None:
            return
        source: Source = key.data
        while self._read(source):
            pass
        self._close(source)

    def _read(self, source: Source) -> bool:
        """Forward one chunk; False when there is no more for now."""
        if source.stream.closed:
            return False
        try:
            chunk = os.read(source.stream.fileno(), 65536)
        except BlockingIOError:
            return False
        *lines, source.rest = (source.rest + chunk).split(b"\n")
        for line in lines:
            self._say(source.name, line.decode(errors="replace").rstrip())
        if not chunk:
            self._close(source)
        elif len(source.rest) > LONGEST_LINE:
            self._say_rest(source)
        return bool(chunk)

    def _close(self, source: Source) -> None:
        if source.stream.closed:
            return
        self._selector.unregister(source.stream)
        source.stream.close()
        self._say_rest(source)

    def _say_rest(self, source: Source) -> None:
        if source.rest:
            self._say(source.name, source.rest.decode(errors="replace"))
            source.rest = b""

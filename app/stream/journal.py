"""The announcements as streams read them: from now on, or from where a client was."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from redis.exceptions import ResponseError

from app.announcements import STREAM, Pair, Position, read
from app.queue import connect

READ_ENTRIES: Final = 1_000
MOST_MISSED: Final = 2_000
BLOCK_MILLISECONDS: Final = 500
READ_TIMEOUT_SECONDS: Final = 1.5


class Journal:
    """Reads announcements; all its methods raise Away where Redis cannot be asked."""

    def __init__(self, url: str) -> None:
        self._listening = connect(url, timeout=READ_TIMEOUT_SECONDS)
        self._asking = connect(url)

    def tail(self) -> Position:
        """Give the place of the last announcement."""
        bounds = self._bounds()
        return bounds[1] if bounds else Position(0)

    def after(self, position: Position) -> tuple[list[Pair], Position]:
        """Wait a moment for what comes after a position; give it, and the new position."""
        found: Any = self._listening.xread({STREAM: str(position)}, READ_ENTRIES, BLOCK_MILLISECONDS)
        entries = found[0][1] if found else []
        if not entries:
            return [], position
        return [pair for _, fields in entries for pair in read(fields)], _position(entries[-1][0])

    def missed(self, position: Position | None, workspace_id: UUID) -> set[UUID] | None:
        """Name what changed in a workspace after a position; None when nobody can tell, or it is too much."""
        bounds = self._bounds()
        if position is None or bounds is None or not bounds[0] <= position <= bounds[1]:
            return None
        missed: set[UUID] = set()
        for pairs in self._entries(position):
            missed |= {execution_id for workspace, execution_id in pairs if workspace == workspace_id}
            if len(missed) > MOST_MISSED:
                return None
        return missed

    def _entries(self, position: Position) -> Iterator[list[Pair]]:
        while entries := self._asking.xrange(STREAM, f"({position}", "+", READ_ENTRIES):
            for at, fields in entries:
                position = _position(at)  # type: ignore[arg-type]
                yield read(fields)  # type: ignore[arg-type]

    def _bounds(self) -> tuple[Position, Position] | None:
        """Give the places of the oldest entry that is kept and of the last one."""
        try:
            info: Any = self._asking.xinfo_stream(STREAM)
        except ResponseError:
            return None
        if info["first-entry"] is None:
            return None
        return _position(info["first-entry"][0]), _position(info["last-generated-id"])


def _position(raw: bytes) -> Position:
    found = Position.parse(raw.decode())
    if found is None:
        raise ValueError(f"Redis gave {raw!r} as the id of a stream's entry")
    return found

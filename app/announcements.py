"""Announcements: which executions changed, told in a capped Redis stream; ids only, so no value travels."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

STREAM: Final = "linea:changes"
MOST_ENTRIES: Final = 10_000
MOST_IDS: Final = 1_000

_ID_BYTES = 16
_POSITION = re.compile(r"([0-9]{1,20})-([0-9]{1,20})", re.ASCII)
_MOST_PART = 2**64

Pair = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the stream: Redis' own id of an entry, milliseconds and a number within them."""

    milliseconds: int
    number: int = 0

    @classmethod
    def parse(cls, text: str) -> "Position | None":
        """Read an id as it was given out; None for anything else."""
        found = _POSITION.fullmatch(text)
        if found is None or not all(int(part) < _MOST_PART for part in found.groups()):
            return None
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.milliseconds}-{self.number}"


def announce(connection: Any, pairs: Iterable[Pair]) -> None:
    """Tell that executions changed, given as (workspace, execution) of committed rows; raises RedisError.

    One entry, unless there are very many: a field a workspace, its value the ids of the executions in a row.
    """
    by_workspace: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for workspace_id, execution_id in dict.fromkeys(pairs):
        by_workspace[workspace_id.bytes].append(execution_id.bytes)
    for fields in _entries(by_workspace):
        connection.execute_command("XADD", STREAM, "MAXLEN", "~", MOST_ENTRIES, "*", *fields)


def _entries(by_workspace: dict[bytes, list[bytes]]) -> Iterator[list[bytes]]:
    """Write entries of at most MOST_IDS ids, a workspace once in each."""
    fields: list[bytes] = []
    room = MOST_IDS
    for workspace_id, ids in by_workspace.items():
        start = 0
        while taken := ids[start : start + room]:
            fields += workspace_id, b"".join(taken)
            start, room = start + len(taken), room - len(taken)
            if not room:
                yield fields
                fields, room = [], MOST_IDS
    if fields:
        yield fields


def read(fields: dict[bytes, bytes]) -> list[Pair]:
    """Read an entry's (workspace, execution) pairs."""
    return [
        (UUID(bytes=workspace_id), UUID(bytes=ids[start : start + _ID_BYTES]))
        for workspace_id, ids in fields.items()
        for start in range(0, len(ids), _ID_BYTES)
    ]

"""Whose turn it is: a few places, at most half of them for one workspace, and turns in order."""

import asyncio
from collections import Counter, OrderedDict, deque
from enum import Enum
from itertools import count
from uuid import UUID

Turn = asyncio.Future[None]
Line = deque[tuple[int, Turn]]


class Kind(Enum):
    """What a place is for: code takes long, expressions a second at most."""

    CODE = "code"
    EXPRESSIONS = "expressions"


class Turns:
    """Hands out places; workspaces that wait are served one after the other.

    Half of the places, rounded down, are for one workspace. Expressions never wait for code alone: the last
    place of all is not for code, and a workspace whose code fills its half has one place more for them.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._share = max(1, places // 2)
        self._most_code = max(1, places - 1)
        self._busy: Counter[tuple[UUID, Kind]] = Counter()
        self._waiting: OrderedDict[UUID, dict[Kind, Line]] = OrderedDict()
        self._numbers = count()

    async def take(self, workspace_id: UUID, kind: Kind) -> None:
        """Wait for a place."""
        turn: Turn = asyncio.get_running_loop().create_future()
        lines = self._waiting.setdefault(workspace_id, {kind: deque() for kind in Kind})
        lines[kind].append((next(self._numbers), turn))
        self._hand_out()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(workspace_id, kind)
            raise

    def give_back(self, workspace_id: UUID, kind: Kind) -> None:
        """Free a place for whoever is next."""
        self._busy[workspace_id, kind] -= 1
        if not self._busy[workspace_id, kind]:
            del self._busy[workspace_id, kind]
        self._hand_out()

    def _hand_out(self) -> None:
        while self._busy.total() < self._places and (found := self._next()) is not None:
            workspace_id, kind = found
            _, turn = self._waiting[workspace_id][kind].popleft()
            self._waiting.move_to_end(workspace_id)
            self._busy[workspace_id, kind] += 1
            turn.set_result(None)

    def _next(self) -> tuple[UUID, Kind] | None:
        """Find the first workspace in line that may have a place, and for which kind it asked first."""
        for workspace_id in list(self._waiting):
            heads = {kind: _head(line) for kind, line in self._waiting[workspace_id].items()}
            asked = {kind: number for kind, number in heads.items() if number is not None}
            if not asked:
                del self._waiting[workspace_id]
            allowed = [kind for kind in asked if self._allowed(workspace_id, kind)]
            if allowed:
                return workspace_id, min(allowed, key=asked.__getitem__)
        return None

    def _allowed(self, workspace_id: UUID, kind: Kind) -> bool:
        code, expressions = self._busy[workspace_id, Kind.CODE], self._busy[workspace_id, Kind.EXPRESSIONS]
        if kind is Kind.EXPRESSIONS:
            return code + expressions < self._share or not expressions
        in_all = sum(taken for (_, busy), taken in self._busy.items() if busy is Kind.CODE)
        return code + expressions < self._share and in_all < self._most_code


def _head(line: Line) -> int | None:
    """Give the number of the first that still waits."""
    while line and line[0][1].done():
        line.popleft()
    return line[0][0] if line else None

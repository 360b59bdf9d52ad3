"""Whose turn it is: a few places, at most half of them for one workspace, and turns in order."""

import asyncio
from collections import Counter, OrderedDict, deque
from uuid import UUID

_Queue = deque["asyncio.Future[None]"]


class Turns:
    """Hands out places; workspaces that wait are served one after the other."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._share = max(1, places // 2)
        self._busy: Counter[UUID] = Counter()
        self._waiting: OrderedDict[UUID, _Queue] = OrderedDict()

    async def take(self, workspace_id: UUID) -> None:
        """Wait for a place."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(workspace_id, deque()).append(turn)
        self._hand_out()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(workspace_id)
            raise

    def give_back(self, workspace_id: UUID) -> None:
        """Free a place for whoever is next."""
        self._busy[workspace_id] -= 1
        if not self._busy[workspace_id]:
            del self._busy[workspace_id]
        self._hand_out()

    def _hand_out(self) -> None:
        while self._busy.total() < self._places:
            workspace_id = self._next()
            if workspace_id is None:
                return
            turn = self._waiting[workspace_id].popleft()
            self._waiting.move_to_end(workspace_id)
            if not turn.done():
                self._busy[workspace_id] += 1
                turn.set_result(None)

    def _next(self) -> UUID | None:
        for workspace_id in [key for key, queue in self._waiting.items() if not queue]:
            del self._waiting[workspace_id]
        return next((key for key in self._waiting if self._busy[key] < self._share), None)

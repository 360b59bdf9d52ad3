"""How many executions may still be made: exactly for small limits, within a second's worth for large ones."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from app.errors import DailyLimit, LineaError, TooManyPending
from app.store import quotas

EXACT_UP_TO = 1_000
FRESH_SECONDS = 1.0
RETRY_SECONDS = 5
MOST_KEPT = 10_000

Counter = Callable[[Connection, UUID, int], int]


@dataclass(slots=True)
class Counted:
    """What was counted, when, and what this process has added since."""

    number: int
    at: float


class Allowance:
    """Counts what limits allow; one a process keeps large counts for a second, as counting them takes long.

    Counts up to EXACT_UP_TO are made under the workspace's lock in the transaction that makes executions, so
    no two processes pass the limit together.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[UUID, str], Counted] = {}

    def open(self, tx: Connection, workspaces: set[UUID]) -> "Round":
        """Read the limits of workspaces for one transaction."""
        found = quotas.limits(tx, workspaces)
        small = [row.id for row in found.values() if min(row.pending, row.day or row.pending) <= EXACT_UP_TO]
        if small:
            quotas.lock_exactly(tx, small)
        return Round(self, tx, {i: (row.pending, row.day) for i, row in found.items()})

    def count(self, tx: Connection, workspace_id: UUID, what: str, limit: int, ask: Counter) -> int:
        """Count up to `limit`, anew when the last count is old or the limit is small."""
        if limit <= EXACT_UP_TO:
            return ask(tx, workspace_id, limit + 1)
        kept = self._kept.get((workspace_id, what))
        if kept is None or time.monotonic() - kept.at > FRESH_SECONDS:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            kept = Counted(ask(tx, workspace_id, limit + 1), time.monotonic())
            self._kept[workspace_id, what] = kept
        return kept.number

    def add(self, workspace_id: UUID, number: int) -> None:
        """Note what was allowed."""
        for what in ("pending", "day"):
            if (kept := self._kept.get((workspace_id, what))) is not None:
                kept.number += number


class Round:
    """The allowances of one transaction: what it has been allowed counts too."""

    def __init__(
        self, allowance: Allowance, tx: Connection, limits: dict[UUID, tuple[int, int | None]]
    ) -> None:
        self._allowance = allowance
        self._tx = tx
        self._limits = limits
        self._taken: dict[UUID, int] = {}

    def take(self, workspace_id: UUID, number: int) -> None:
        """Allow so many more executions, all or none; raises TooManyPending, DailyLimit."""
        refused = self._refusal(workspace_id, number)
        if refused is not None:
            raise refused
        self._taken[workspace_id] = self._taken.get(workspace_id, 0) + number
        self._allowance.add(workspace_id, number)

    def _refusal(self, workspace_id: UUID, number: int) -> LineaError | None:
        pending, day = self._limits[workspace_id]
        if self._over(workspace_id, number, "pending", pending, quotas.pending):
            return TooManyPending(
                f"The workspace may have {pending} pending executions, and would have more: try again when "
                "some have started, or raise maxPendingExecutions.",
                retry_after=RETRY_SECONDS,
            )
        if day is not None and self._over(workspace_id, number, "day", day, quotas.made_today):
            return DailyLimit(
                f"The workspace may start {day} executions a day, and has: the next day begins at 00:00 UTC.",
                retry_after=quotas.seconds_left_of_day(self._tx),
            )
        return None

    def _over(self, workspace_id: UUID, number: int, what: str, limit: int, ask: Counter) -> bool:
        exact = limit <= EXACT_UP_TO
        already = self._allowance.count(self._tx, workspace_id, what, limit, ask)
        return already + (self._taken.get(workspace_id, 0) if exact else 0) + number > limit

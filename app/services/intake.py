"""Group commit on the way in: triggers that arrive together share one transaction."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError

from app.errors import LineaError
from app.services import held
from app.services.admission import KeyTaken, admit
from app.services.orders import Accepted, Order
from app.services.transaction import is_away, transaction

GROUP = 200
TRIES = 5


@dataclass(slots=True, eq=False)
class Waiting:
    """An order in line, and where its thread finds the result."""

    order: Order
    done: threading.Event = field(default_factory=threading.Event)
    result: Accepted | LineaError | Exception | None = None


class Intake:
    """Lets the first thread in line commit for all that gathered behind the last commit."""

    def __init__(self) -> None:
        self._line: deque[Waiting] = deque()
        self._leader = threading.Lock()

    def submit(self, order: Order) -> Accepted:
        """Commit an order, alone or with others; raises the error that refused it."""
        mine = Waiting(order)
        self._line.append(mine)
        made: list[Row[Any]] = []
        with self._leader:
            while not mine.done.is_set():
                made += self._commit([self._line.popleft() for _ in range(min(len(self._line), GROUP))])
        held.look_again(made)
        if isinstance(mine.result, Accepted):
            return mine.result
        raise mine.result or RuntimeError("an order was left without a result")

    def _commit(self, group: list[Waiting]) -> list[Row[Any]]:
        """Commit a group, an order with a key that an earlier one has after it; give what was made."""
        made: list[Row[Any]] = []
        while group:
            now, group = _distinct(group)
            made += self._commit_distinct(now)
        return made

    def _commit_distinct(self, group: list[Waiting]) -> list[Row[Any]]:
        """Commit a group; one that the database refuses is halved until the bad order stands alone.

        Gives what was made.
        """
        try:
            results: Sequence[Accepted | LineaError | Exception] = _transact(group)
        except LineaError as error:
            results = [error] * len(group)
        except Exception as error:  # noqa: BLE001 -- every order in the group must hear of it
            if len(group) > 1 and not (isinstance(error, DBAPIError) and is_away(error)):
                half = len(group) // 2
                return self._commit_distinct(group[:half]) + self._commit_distinct(group[half:])
            results = [error] * len(group)
        for waiting, result in zip(group, results, strict=True):
            waiting.result = result
            waiting.done.set()
        return [row for made in results if isinstance(made, Accepted) for row in made.rows]


def _transact(group: list[Waiting]) -> list[Accepted | LineaError]:
    """Admit a group in one transaction, again when another process was first with a key."""
    for _ in range(TRIES):
        try:
            with transaction() as tx:
                return admit(tx, [waiting.order for waiting in group])
        except KeyTaken:
            continue
    raise KeyTaken


def _distinct(group: list[Waiting]) -> tuple[list[Waiting], list[Waiting]]:
    """Split a group so that no idempotency key stands twice in the first part."""
    now: list[Waiting] = []
    later: list[Waiting] = []
    seen: set[tuple[str, str, str]] = set()
    for waiting in group:
        places = {use.place for use in waiting.order.uses()}
        (later if places & seen else now).append(waiting)
        seen |= places
    return now, later

"""A batch of due schedules fires in rounds, so that each instant sees what the ones before it left behind."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app import log, strictjson
from app.clock import rfc3339
from app.errors import DailyLimit, LineaError, TooManyPending, WorkflowDisabled
from app.services.admission import admit
from app.services.due import Due
from app.services.orders import SINGLE, Accepted, Order, TriggerRequest
from app.services.scope import Scope
from app.states import Reason, Role, TriggeredBy
from app.store import executions, firing, quotas
from app.store.firing import Fire

REPLACED = "The next execution of its schedule took its place"

logger = log.get(__name__)


class Overlap(StrEnum):
    """What a fire does while an execution of its schedule is active."""

    ALLOW = "allow"
    SKIP = "skip"
    CANCEL_PREVIOUS = "cancelPrevious"
    BUFFER_ONE = "bufferOne"


class FireReason(StrEnum):
    """Why an instant did not fire, or fired late."""

    OVERLAP = "overlap"
    WORKFLOW_DISABLED = "workflow_disabled"
    QUOTA_EXCEEDED = "quota_exceeded"
    CATCH_UP = "catch_up"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Call:
    """One instant of one schedule."""

    row: Row[Any]
    at: datetime
    late: bool = False

    @property
    def key(self) -> tuple[UUID, datetime]:
        """Give what no two fires share."""
        return self.row.id, self.at


class Batch:
    """Fires locked schedules in one transaction; its lists tell what to write, send and ring for then."""

    def __init__(self, tx: Connection, planned: Sequence[tuple[Row[Any], Due | None]]) -> None:
        self.fires: list[Fire] = []
        self.to_send: list[Row[Any]] = []
        self.cancelled: list[Row[Any]] = []
        self.size = len(planned)
        self._tx = tx
        self._inputs = firing.inputs(tx, [row.id for row, _ in planned])
        self._waiting: list[deque[Call]] = []
        known = firing.recorded(tx, _instants(planned))
        for row, due in planned:
            self._open(row, due, known)

    def fire(self) -> None:
        """Make the executions of all instants, and note what became of each."""
        self._lock_workspaces()
        while calls := [call for line in self._waiting for call in _heads(line)]:
            self._round(calls)

    def _open(self, row: Row[Any], due: Due | None, known: set[tuple[UUID, datetime]]) -> None:
        """Note what does not fire, and line up what may."""
        if due is None:
            if (row.id, row.next_fire_at) not in known:
                self._skip(Call(row, row.next_fire_at), FireReason.BROKEN)
            return
        missed = due.missed
        if missed and (row.id, missed.at) not in known:
            self.fires.append(Fire(row.id, missed.at, "missed", until=missed.until, count=missed.count))
        self._waiting.append(
            deque(Call(row, i.at, i.late) for i in due.instants if (row.id, i.at) not in known)
        )

    def _lock_workspaces(self) -> None:
        """Lock the workspaces in which something may be cancelled: before executions, as a claim does."""
        rows = [call.row for line in self._waiting for call in line]
        cancelling = {row.workspace_id for row in rows if row.overlap == Overlap.CANCEL_PREVIOUS}
        if cancelling:
            quotas.lock_exactly(self._tx, sorted(cancelling))

    def _round(self, calls: Sequence[Call]) -> None:
        """Fire one instant each of schedules that look at what is active, or several of those that do not."""
        active = self._active(calls)
        wanted = []
        for call in calls:
            if _is_in_the_way(call, active[call.row.id]):
                self._skip(call, FireReason.OVERLAP)
            else:
                wanted.append(call)
        if not wanted:
            return
        results = admit(self._tx, [self._order(call) for call in wanted])
        made = [(call, got) for call, got in zip(wanted, results, strict=True) if isinstance(got, Accepted)]
        for call, refused in zip(wanted, results, strict=True):
            if isinstance(refused, LineaError):
                self._refused(call, refused)
        self._cancel_previous([row for call, _ in made for row in active[call.row.id]], calls)
        self._send(made, active)

    def _active(self, calls: Sequence[Call]) -> dict[UUID, list[Row[Any]]]:
        """Find what is active of the schedules that ask; what a fire may cancel is locked."""
        found: dict[UUID, list[Row[Any]]] = defaultdict(list)
        kinds = {Overlap.SKIP: False, Overlap.BUFFER_ONE: False, Overlap.CANCEL_PREVIOUS: True}
        for to_cancel in (False, True):
            ids = [call.row.id for call in calls if kinds.get(Overlap(call.row.overlap)) is to_cancel]
            for row in firing.active(self._tx, ids, to_cancel=to_cancel) if ids else ():
                found[row.schedule_id].append(row)
        return found

    def _order(self, call: Call) -> Order:
        row = call.row
        request = TriggerRequest(
            row.workflow_id,
            strictjson.loads_stored(self._inputs[row.id]),
            TriggeredBy.SCHEDULE,
            trigger={"scheduledFor": rfc3339(call.at)},
            schedule_id=row.id,
        )
        return Order(Scope(row.workspace_id, Role.OPERATOR, row.space_id), (request,), SINGLE)

    def _cancel_previous(self, previous: Sequence[Row[Any]], calls: Sequence[Call]) -> None:
        replacing = {call.row.id for call in calls if call.row.overlap == Overlap.CANCEL_PREVIOUS}
        by_workspace: dict[UUID, list[UUID]] = defaultdict(list)
        for row in previous:
            if row.schedule_id in replacing:
                by_workspace[row.workspace_id].append(row.id)
        for workspace_id, ids in by_workspace.items():
            self.cancelled += executions.cancel_many(self._tx, workspace_id, ids, Reason.OVERLAP, REPLACED)

    def _send(self, made: Sequence[tuple[Call, Accepted]], active: dict[UUID, list[Row[Any]]]) -> None:
        """Note the executions that were made; those that must wait for another one are held back."""
        held = []
        for call, accepted in made:
            [execution_id] = accepted.execution_ids
            reason = FireReason.CATCH_UP if call.late else None
            self.fires.append(Fire(call.row.id, call.at, "fired", reason, execution_id))
            if call.row.overlap == Overlap.BUFFER_ONE and active[call.row.id]:
                held.append(execution_id)
            else:
                self.to_send += accepted.rows
        if held:
            firing.buffer(self._tx, held)

    def _refused(self, call: Call, error: LineaError) -> None:
        if isinstance(error, WorkflowDisabled):
            self._skip(call, FireReason.WORKFLOW_DISABLED)
        elif isinstance(error, (TooManyPending, DailyLimit)):
            self._skip(call, FireReason.QUOTA_EXCEEDED)
        else:
            logger.warning("a schedule is broken", schedule=str(call.row.id), error=error.detail)
            self._skip(call, FireReason.BROKEN)

    def _skip(self, call: Call, reason: FireReason) -> None:
        self.fires.append(Fire(call.row.id, call.at, "skipped", reason))


def _instants(planned: Sequence[tuple[Row[Any], Due | None]]) -> Iterator[tuple[UUID, datetime]]:
    for row, due in planned:
        if due is None:
            yield row.id, row.next_fire_at
        else:
            yield from ((row.id, instant.at) for instant in due.instants)
            yield from ((row.id, missed.at) for missed in [due.missed] if missed)


def _heads(line: deque[Call]) -> list[Call]:
    """Take the next instant of a schedule, or all of them where nothing can be in the way."""
    if not line:
        return []
    count = len(line) if line[0].row.overlap == Overlap.ALLOW else 1
    return [line.popleft() for _ in range(count)]


def _is_in_the_way(call: Call, active: Sequence[Row[Any]]) -> bool:
    """Tell whether what is active keeps an instant from firing."""
    if call.row.overlap == Overlap.BUFFER_ONE:
        return any(row.reason == Reason.OVERLAP for row in active)
    return call.row.overlap == Overlap.SKIP and bool(active)

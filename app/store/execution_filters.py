"""The filters of a list of executions, and which index answers each of them in order of id."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from sqlalchemy import Column, ColumnElement, ScalarSelect, Table, and_, any_, not_, select
from sqlalchemy.dialects.postgresql import array

from app.models.executions import Execution
from app.models.schedules import Schedule
from app.models.spaces import Space
from app.models.webhooks import Webhook
from app.models.workflows import Workflow
from app.states import Status, TriggeredBy

E: Final = cast("Table", Execution.__table__)
S: Final = cast("Table", Space.__table__)
W: Final = cast("Table", Workflow.__table__)
SCHEDULES: Final = cast("Table", Schedule.__table__)
WEBHOOKS: Final = cast("Table", Webhook.__table__)

# Ids are made by the machine that accepts, `created_at` by the database: their clocks may differ this much.
CLOCK_SLACK = timedelta(minutes=5)
LEAST_ERROR_CHARACTERS = 3
INDEXED_STATUSES = frozenset({Status.PENDING, Status.RUNNING, Status.FAILED, Status.CANCELLED})
STATUSES_WITH_ERROR = frozenset({Status.FAILED, Status.CANCELLED})

Condition = ColumnElement[bool]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Filters:
    """What a caller asked for; None is no condition. `created_after` is included, `created_before` not."""

    statuses: frozenset[Status] = frozenset()
    workflow_id: UUID | None = None
    triggered_by: TriggeredBy | None = None
    schedule_id: UUID | None = None
    webhook_id: UUID | None = None
    retry_of: UUID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    tag: str | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True)
class Arm:
    """One walk down the index on (`by`, id): it answers `where`, the rows are looked at for `rest`."""

    by: Column[Any]
    where: tuple[Condition, ...]
    rest: tuple[Condition, ...] = ()


def _is(column: Column[Any], value: Any) -> Condition:
    """Pin the first column of an index.

    Written as a list of one, since Postgres drops an equal column from the order and then may walk the
    primary key instead, past the rows of everybody else.
    """
    return column == any_(array([value]))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list looks: a workspace, or one space of it."""

    workspace_id: UUID
    space_id: UUID | None

    def own(self, table: Table, wanted: UUID) -> ScalarSelect[Any]:
        """Give `wanted` if it is a live row of this place, else NULL: a foreign id reads no foreign row."""
        own = select(table.c.id).join(S, S.c.id == table.c.space_id)
        own = own.where(table.c.id == wanted, S.c.workspace_id == self.workspace_id, S.c.deleted_at.is_(None))
        if "deleted_at" in table.c:
            own = own.where(table.c.deleted_at.is_(None))
        if self.space_id is not None:
            own = own.where(S.c.id == self.space_id)
        return own.scalar_subquery()

    def own_execution(self, wanted: UUID) -> ScalarSelect[Any]:
        """Give `wanted` if it is an execution of this place, else NULL."""
        other = E.alias("other")
        own = select(other.c.id).where(other.c.id == wanted, other.c.workspace_id == self.workspace_id)
        if self.space_id is not None:
            own = own.where(other.c.space_id == self.space_id)
        return own.scalar_subquery()

    def own_space(self) -> ScalarSelect[Any]:
        """Give this place's space if it is a live one of the workspace, else NULL."""
        own = select(S.c.id).where(S.c.id == self.space_id, S.c.workspace_id == self.workspace_id)
        return own.where(S.c.deleted_at.is_(None)).scalar_subquery()

    def arm(self, where: Sequence[Condition], rest: Sequence[Condition]) -> Arm:
        """Walk all rows of this place."""
        by, key = (
            (E.c.workspace_id, self.workspace_id)
            if self.space_id is None
            else (E.c.space_id, self.own_space())
        )
        return Arm(by, (_is(by, key), *where), tuple(rest))


def arms(place: Place, filters: Filters) -> list[Arm]:
    """Choose the indexes for `filters`: rows of all arms together, newest first, are the list."""
    rest, bounds = _conditions(filters), _id_bounds(filters)
    keys = _keys(place, filters)
    if filters.q is not None:
        return _search_arms(place, filters, (*rest, *(column == key for column, key in keys)))
    by_status = bool(filters.statuses) and filters.statuses <= INDEXED_STATUSES
    if keys and not (by_status and keys[0][0] is E.c.workflow_id):
        (column, key), *others = keys
        found = (*rest, *_status_rest(filters), *(other == value for other, value in others))
        return [Arm(column, (_is(column, key), *bounds), found)]
    rest = (*rest, *(column == key for column, key in keys))
    if by_status:
        return _status_arms(place, filters.statuses, bounds, rest)
    return [place.arm(bounds, (*rest, *_status_rest(filters)))]


def _keys(place: Place, wanted: Filters) -> list[tuple[Column[Any], ScalarSelect[Any]]]:
    """Name the columns that must equal an id of this place and have an index, the most telling first."""
    keys: tuple[tuple[Column[Any], UUID | None, Callable[[UUID], ScalarSelect[Any]]], ...] = (
        (E.c.retry_of, wanted.retry_of, place.own_execution),
        (E.c.schedule_id, wanted.schedule_id, partial(place.own, SCHEDULES)),
        (E.c.webhook_id, wanted.webhook_id, partial(place.own, WEBHOOKS)),
        (E.c.workflow_id, wanted.workflow_id, partial(place.own, W)),
    )
    return [(column, own(key)) for column, key, own in keys if key is not None]


def _conditions(wanted: Filters) -> tuple[Condition, ...]:
    """Write the filters that no index answers alone."""
    conditions = (
        _where(wanted.triggered_by, lambda source: E.c.triggered_by == source),
        _where(wanted.tag, lambda tag: E.c.tags.contains([tag])),
        _where(wanted.created_after, lambda at: E.c.created_at >= at),
        _where(wanted.created_before, lambda at: E.c.created_at < at),
    )
    return tuple(condition for condition in conditions if condition is not None)


def _where(value: Value | None, condition: Callable[[Value], Condition]) -> Condition | None:
    return None if value is None else condition(value)


def _status_arms(
    place: Place, statuses: frozenset[Status], where: Sequence[Condition], rest: Sequence[Condition]
) -> list[Arm]:
    """Walk one partial index a status; they are by workspace, so a space is looked at row by row."""
    mine = _is(E.c.workspace_id, place.workspace_id)
    if place.space_id is not None:
        rest = (E.c.space_id == place.space_id, *rest)
    return [
        Arm(E.c.workspace_id, (mine, E.c.status == status, *where), tuple(rest))
        for status in sorted(statuses)
    ]


def _search_arms(place: Place, filters: Filters, rest: Sequence[Condition]) -> list[Arm]:
    """Find by id or its prefix, by words of an error, or by both where the text could be either."""
    text, bounds = filters.q or "", _id_bounds(filters)
    ids = id_range(text)
    found: list[Arm] = []
    words: tuple[Condition, ...] = (E.c.error.icontains(text, autoescape=True),)
    if ids:
        in_range = and_(E.c.id >= ids[0], E.c.id <= ids[1])
        found.append(place.arm((*bounds, in_range), (*rest, *_status_rest(filters))))
        words = (*words, not_(in_range))
    if len(text) >= LEAST_ERROR_CHARACTERS and not (ids and ids[0] == ids[1]):
        statuses = (filters.statuses or STATUSES_WITH_ERROR) & STATUSES_WITH_ERROR
        found += _status_arms(place, statuses, bounds, (*words, *rest))
    return found


def _status_rest(filters: Filters) -> tuple[Condition, ...]:
    if not filters.statuses or filters.statuses == frozenset(Status):
        return ()
    return (E.c.status.in_(sorted(filters.statuses)),)


def _id_bounds(filters: Filters) -> tuple[Condition, ...]:
    """Narrow the walk by the time in the ids; `created_at` itself decides."""
    bounds: list[Condition] = []
    if filters.created_after:
        bounds.append(E.c.id >= first_id_at(filters.created_after, -CLOCK_SLACK))
    if filters.created_before:
        bounds.append(E.c.id < first_id_at(filters.created_before, CLOCK_SLACK))
    return tuple(bounds)


def first_id_at(at: datetime, slack: timedelta = timedelta()) -> UUID:
    """Give the least UUIDv7 of the millisecond `slack` away from `at`, kept within what 48 bits can say."""
    milliseconds = int((at.timestamp() + slack.total_seconds()) * 1000)
    return UUID(int=min(max(milliseconds, 0), (1 << 48) - 1) << 80)


def id_range(text: str) -> tuple[UUID, UUID] | None:
    """Give the least and greatest id that begin with `text`, or None where it cannot begin an id."""
    digits = text.replace("-", "").lower()
    if not 1 <= len(digits) <= 32 or set(digits) - set("0123456789abcdef"):
        return None
    least, greatest = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    if text.lower() != digits and not str(greatest).startswith(text.lower()):
        return None
    return least, greatest

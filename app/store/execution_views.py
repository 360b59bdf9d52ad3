"""Executions as they are read: one, several by their ids, a page of a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
    true,
    type_coerce,
    union_all,
)

from app.models.installation import Installation
from app.states import Reason, Status
from app.store.execution_filters import Arm, Condition, E, Filters, Place, S, W, arms

# A page looks at the newest rows in a small window, then in large ones, until it is full or time is up.
FIRST_WINDOW = 500
WINDOW = 20_000
SEARCH_SECONDS = 0.25
MOST_RELATED = 10_000


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first; `before` is where the next page begins, None at the end of the list."""

    rows: list[Row[Any]]
    before: UUID | None


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a list: ids below `before` down to `edge` itself, `size` of them at most."""

    before: UUID | None
    edge: UUID | None = None
    size: int | None = None

    @property
    def bounds(self) -> tuple[Condition, ...]:
        """The part as conditions on the id."""
        below = () if self.before is None else (E.c.id < self.before,)
        return below if self.edge is None else (*below, E.c.id >= self.edge)


def _reason() -> Any:
    """Say why a row has its status: what is not stored follows from other columns and the time."""
    paused = select(Installation.paused).scalar_subquery()
    waits = and_(E.c.worker.is_(None), or_(E.c.wake_at.is_not(None), E.c.waiting_since.is_not(None)))
    pending, running = E.c.status == Status.PENDING, E.c.status == Status.RUNNING
    return case(
        (and_(pending, E.c.run_at > func.now()), Reason.DELAYED.value),
        (and_(pending, paused), Reason.PAUSED.value),
        (and_(running, E.c.cancel_requested_at.is_not(None)), Reason.CANCELLING.value),
        (and_(running, waits), Reason.WAITING.value),
        else_=E.c.reason,
    ).label("reason")


# A deleted space or workflow may still have its row for a while: its executions no longer name it.
LIVE = E.outerjoin(S, and_(S.c.id == E.c.space_id, S.c.deleted_at.is_(None))).outerjoin(
    W, and_(W.c.id == E.c.workflow_id, W.c.space_id == S.c.id, W.c.deleted_at.is_(None))
)
LIST_COLUMNS: tuple[Any, ...] = (
    E.c.id,
    E.c.workspace_id,
    S.c.id.label("space_id"),
    W.c.id.label("workflow_id"),
    E.c.workflow_name,
    E.c.workflow_version,
    type_coerce(E.c.status, Text).label("status"),
    _reason(),
    type_coerce(E.c.triggered_by, Text).label("triggered_by"),
    E.c.error,
    E.c.created_at,
    E.c.started_at,
    E.c.completed_at,
    E.c.attempt,
    E.c.takeovers,
    type_coerce(E.c.tags, Text).label("tags"),
    E.c.run_at,
    E.c.wake_at,
    E.c.idempotency_key,
    E.c.retry_of,
    E.c.parent_id,
    case((W.c.id.is_not(None), E.c.schedule_id)).label("schedule_id"),
    case((W.c.id.is_not(None), E.c.webhook_id)).label("webhook_id"),
    E.c.cancel_requested_at,
    E.c.steps_total,
    E.c.steps_done,
)
FULL_COLUMNS: tuple[Any, ...] = (
    *LIST_COLUMNS,
    cast(E.c.trigger, Text).label("trigger"),
    cast(E.c.input, Text).label("input"),
    cast(E.c.output, Text).label("output"),
)

_MINE = (E.c.id == bindparam("id"), E.c.workspace_id == bindparam("workspace_id"))
_IN_SPACE = E.c.space_id == bindparam("space_id")
_HEAD = select(*LIST_COLUMNS).select_from(LIVE).where(*_MINE)
_FULL = select(*FULL_COLUMNS).select_from(LIVE).where(*_MINE)
_HEAD_IN_SPACE, _FULL_IN_SPACE = _HEAD.where(_IN_SPACE), _FULL.where(_IN_SPACE)
_MANY = (
    select(*FULL_COLUMNS)
    .select_from(LIVE)
    .where(E.c.workspace_id == bindparam("workspace_id"), E.c.id == func.any(bindparam("ids")))
)


def head(tx: Connection, place: Place, execution_id: UUID) -> Row[Any] | None:
    """Read one execution in list form, without its input and output."""
    return _one(tx, place, execution_id, _HEAD, _HEAD_IN_SPACE)


def full(tx: Connection, place: Place, execution_id: UUID) -> Row[Any] | None:
    """Read one execution whole."""
    return _one(tx, place, execution_id, _FULL, _FULL_IN_SPACE)


def _one(
    tx: Connection, place: Place, execution_id: UUID, anywhere: Select[Any], in_space: Select[Any]
) -> Row[Any] | None:
    names: dict[str, Any] = {"id": execution_id, "workspace_id": place.workspace_id}
    if place.space_id is None:
        return tx.execute(anywhere, names).one_or_none()
    return tx.execute(in_space, names | {"space_id": place.space_id}).one_or_none()


def many(tx: Connection, workspace_id: UUID, execution_ids: Sequence[UUID]) -> list[Row[Any]]:
    """Read several executions whole, in the order of `execution_ids`; what is gone is left out."""
    rows = tx.execute(_MANY, {"workspace_id": workspace_id, "ids": list(execution_ids)})
    by_id = {row.id: row for row in rows}
    return [by_id[key] for key in execution_ids if key in by_id]


RELATED = """
SELECT ARRAY(SELECT id FROM executions WHERE retry_of = %(id)s AND workspace_id = %(workspace)s
    ORDER BY retry_of, id LIMIT %(most)s) AS retries,
  ARRAY(SELECT id FROM executions WHERE parent_id = %(id)s AND workspace_id = %(workspace)s
    ORDER BY parent_id, id LIMIT %(most)s) AS children
"""


def related(tx: Connection, workspace_id: UUID, execution_id: UUID) -> tuple[list[UUID], list[UUID]]:
    """Give the ids of an execution's retries and of its children, oldest first."""
    given = {"id": execution_id, "workspace": workspace_id, "most": MOST_RELATED}
    row = tx.exec_driver_sql(RELATED, given).one()
    return row.retries, row.children


def page(tx: Connection, place: Place, filters: Filters, before: UUID | None, limit: int) -> Page:
    """Read at most `limit` rows that are older than `before`.

    Where no index answers all filters, rows are looked at in windows for up to SEARCH_SECONDS: the page may
    then hold fewer rows while `before` says that the list goes on.
    """
    walk = arms(place, filters)
    if not any(arm.rest for arm in walk):
        return _page_of(list(tx.execute(_rows(walk, Window(before), limit + 1))), limit, None)
    found: list[Row[Any]] = []
    ends = monotonic() + SEARCH_SECONDS
    for size in chain([FIRST_WINDOW], repeat(WINDOW)):
        edge = tx.execute(_edge(walk, before, size)).scalar()
        found += tx.execute(_rows(walk, Window(before, edge, size), limit + 1 - len(found)))
        if len(found) > limit or edge is None or monotonic() > ends:
            return _page_of(found, limit, edge)
        before = edge
    raise AssertionError("windows never end")


def _page_of(found: list[Row[Any]], limit: int, edge: UUID | None) -> Page:
    if len(found) > limit:
        return Page(found[:limit], found[limit - 1].id)
    return Page(found, edge)


def _rows(walk: list[Arm], window: Window, limit: int) -> Select[Any]:
    """Build the query of one page: the newest rows of all arms in a window."""
    found = _newest([_matching(arm, window, limit) for arm in walk], limit).subquery("found")
    rows = select(*LIST_COLUMNS).select_from(LIVE.join(found, found.c.id == E.c.id))
    return rows.order_by(E.c.id.desc())


def _edge(walk: list[Arm], before: UUID | None, size: int) -> Select[Any]:
    """Build the query for the last id of the `size` rows below `before`; no row: the list ends there."""
    return _newest([_walk(arm, Window(before, None, size)) for arm in walk], 1).offset(size - 1)


def _newest(ids: list[Select[Any]], limit: int) -> Select[Any]:
    if len(ids) == 1:
        return ids[0].limit(limit)
    merged = union_all(*(select(each.subquery()) for each in ids)).subquery()
    return select(merged.c.id).order_by(merged.c.id.desc()).limit(limit)


def _walk(arm: Arm, window: Window) -> Select[Any]:
    """Read ids from the index alone, which makes it the cheapest to walk whatever the planner believes."""
    ids = select(E.c.id).where(*arm.where, *window.bounds).order_by(arm.by.desc(), E.c.id.desc())
    return ids if window.size is None else ids.limit(window.size)


def _matching(arm: Arm, window: Window, limit: int) -> Select[Any]:
    """Look at the rows of a walk one by one; OFFSET 0 keeps the planner from taking another index."""
    walk = _walk(arm, window)
    if not arm.rest:
        return walk.limit(limit)
    ids = walk.subquery("walk")
    looked_at = select(E.c.id).where(E.c.id == ids.c.id, *arm.rest).offset(0).lateral()
    return (
        select(looked_at.c.id).select_from(ids.join(looked_at, true())).order_by(ids.c.id.desc()).limit(limit)
    )

"""Which executions a bulk operation means: walked upwards by id, so that it can go on where it stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, repeat
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, and_, any_, cast, or_, select, true, union_all
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from app.store.execution_filters import Arm, Condition, E, Filters, Place, arms

FIRST_WINDOW = 500
WINDOW = 20_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some of the ids in order; `edge` is the id after which the next ones come, None at the end."""

    ids: list[UUID]
    edge: UUID | None


@dataclass(frozen=True, slots=True)
class Walk:
    """All executions of a place that the filters let through and that were created `before` a time."""

    place: Place
    filters: Filters
    before: datetime

    def arms(self) -> list[Arm]:
        """Choose the indexes."""
        young = E.c.created_at < self.before
        return [Arm(arm.by, arm.where, (*arm.rest, young)) for arm in arms(self.place, self.filters)]


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a walk: ids above `after` up to `edge` itself, `size` of them at most."""

    after: UUID | None
    edge: UUID | None
    size: int

    @property
    def bounds(self) -> tuple[Condition, ...]:
        """The part as conditions on the id."""
        above = () if self.after is None else (E.c.id > self.after,)
        return above if self.edge is None else (*above, E.c.id <= self.edge)


def known(tx: Connection, place: Place, ids: Sequence[UUID]) -> set[UUID]:
    """Give those of `ids` that are executions of the place."""
    mine = (E.c.workspace_id == place.workspace_id, *place.arm((), ()).where)
    return set(tx.execute(select(E.c.id).where(_among(ids), *mine)).scalars())


def narrowed(tx: Connection, place: Place, filters: Filters, ids: Sequence[UUID]) -> list[UUID]:
    """Give those of `ids` that the filters let through, in order."""
    through = or_(*(and_(*arm.where, *arm.rest) for arm in arms(place, filters)))
    return list(tx.execute(select(E.c.id).where(_among(ids), through).order_by(E.c.id)).scalars())


def search(tx: Connection, walk: Walk, after: UUID | None, limit: int, seconds: float) -> Chunk:
    """Give the next `limit` executions above `after`, oldest first.

    Rows are looked at in windows for about `seconds`: then there may be fewer ids though the walk goes on.
    """
    found: list[UUID] = []
    ends, ways = monotonic() + seconds, walk.arms()
    for size in chain([FIRST_WINDOW], repeat(WINDOW)):
        edge = tx.execute(_edge(ways, after, size)).scalar()
        found += tx.execute(_matching(ways, Window(after, edge, size), limit - len(found))).scalars()
        if len(found) >= limit:
            return Chunk(found, found[-1])
        if edge is None or monotonic() > ends:
            return Chunk(found, edge)
        after = edge
    raise AssertionError("windows never end")


def _among(ids: Sequence[UUID]) -> Condition:
    return E.c.id == any_(cast(list(ids), ARRAY(Uuid())))


def _edge(ways: list[Arm], after: UUID | None, size: int) -> Select[Any]:
    """Build the query for the last id of the `size` rows above `after`; no row: the walk ends there."""
    return _oldest([_walk(arm, Window(after, None, size)) for arm in ways], 1).offset(size - 1)


def _matching(ways: list[Arm], window: Window, limit: int) -> Select[Any]:
    """Build the query for the ids of a window that all conditions let through."""
    return _oldest([_looked_at(arm, window, limit) for arm in ways], limit)


def _walk(arm: Arm, window: Window) -> Select[Any]:
    """Read ids from the index alone."""
    ids = select(E.c.id).where(*arm.where, *window.bounds).order_by(arm.by, E.c.id)
    return ids.limit(window.size)


def _looked_at(arm: Arm, window: Window, limit: int) -> Select[Any]:
    """Look at the rows of a walk one by one; OFFSET 0 keeps the planner from taking another index."""
    ids = _walk(arm, window).subquery("walk")
    row = select(E.c.id).where(E.c.id == ids.c.id, *arm.rest).offset(0).lateral()
    return select(row.c.id).select_from(ids.join(row, true())).order_by(ids.c.id).limit(limit)


def _oldest(ids: list[Select[Any]], limit: int) -> Select[Any]:
    if len(ids) == 1:
        return ids[0].limit(limit)
    merged = union_all(*(select(each.subquery()) for each in ids)).subquery()
    return select(merged.c.id).order_by(merged.c.id).limit(limit)

"""How the newest executions of a list ended over time, counted by status in even spans."""

from typing import Any

from sqlalchemy import (
    CTE,
    Connection,
    Integer,
    Row,
    Select,
    Text,
    cast,
    extract,
    func,
    literal,
    select,
    true,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from app.store.execution_filters import Arm, E, Filters, Place, arms

MOST = 20_000
SPANS = 60
MINUTE, HOUR, DAY = 60, 3_600, 86_400
LENGTHS = (
    *(1, 5, 15, 30),
    *(MINUTE * minutes for minutes in (1, 5, 15, 30)),
    *(HOUR * hours for hours in (1, 3, 6, 12)),
    *(DAY * days for days in (1, 7, 30, 365)),
)
COLUMNS: tuple[Any, ...] = (E.c.id, E.c.created_at, type_coerce(E.c.status, Text).label("status"))


def counts(tx: Connection, place: Place, filters: Filters) -> list[Row[Any]]:
    """Count the newest MOST of a list as `start, seconds, status, number`; an empty span has no row.

    `seconds` is how long each span is: the shortest of LENGTHS that needs about SPANS of them. Where no index
    answers all filters, the newest MOST are looked at and those that fit are counted.
    """
    newest = _newest(arms(place, filters))
    width = _width(newest)
    epoch = extract("epoch", newest.c.created_at)
    start = func.to_timestamp(func.floor(epoch / width.c.seconds) * width.c.seconds).label("start")
    number = func.count().label("number")
    found = select(start, width.c.seconds, newest.c.status, number).select_from(newest.join(width, true()))
    return list(tx.execute(found.group_by(start, width.c.seconds, newest.c.status).order_by(start)))


def _newest(walk: list[Arm]) -> CTE:
    """Read the newest rows of all arms, once."""
    if len(walk) == 1:
        return _rows(walk[0]).cte("newest")
    merged = union_all(*(select(_rows(arm).subquery()) for arm in walk)).subquery()
    return select(merged).order_by(merged.c.id.desc()).limit(MOST).cte("newest")


def _rows(arm: Arm) -> Select[Any]:
    """Look at the newest rows of a walk; OFFSET 0 keeps the planner from taking another index."""
    if not arm.rest:
        return _walk(arm, *COLUMNS)
    ids = _walk(arm, E.c.id).subquery("walk")
    looked_at = select(*COLUMNS).where(E.c.id == ids.c.id, *arm.rest).offset(0).lateral()
    return select(looked_at).select_from(ids.join(looked_at, true()))


def _walk(arm: Arm, *columns: Any) -> Select[Any]:
    return select(*columns).where(*arm.where).order_by(arm.by.desc(), E.c.id.desc()).limit(MOST)


def _width(newest: CTE) -> CTE:
    """Choose the length of the spans, in seconds."""
    whole = extract("epoch", func.max(newest.c.created_at) - func.min(newest.c.created_at))
    seconds = select(whole.label("seconds")).subquery()
    lengths = select(func.unnest(cast(list(LENGTHS), ARRAY(Integer))).label("length")).subquery()
    fitting = select(func.min(lengths.c.length)).where(
        lengths.c.length * SPANS >= select(seconds.c.seconds).scalar_subquery()
    )
    longest = literal(LENGTHS[-1], Integer)
    return select(func.coalesce(fitting.scalar_subquery(), longest).label("seconds")).cte("width")

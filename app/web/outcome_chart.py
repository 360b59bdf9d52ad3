"""The histogram above the list: the bars of outcomes over time, as the numbers of an SVG."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.clock import now
from app.services.execution_lists import MOST_COUNTED, Outcomes
from app.states import Status

# From the ground up: what went well lies below what needs a look.
ORDER = (Status.COMPLETED, Status.RUNNING, Status.PENDING, Status.CANCELLED, Status.FAILED)
HEIGHT = 100.0
LEAST = 4.0
LEAST_BARS = 24
UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True)
class Block:
    """One status in a bar."""

    y: float
    height: float
    status: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One span of time: its place `x` (each bar is 1 wide), blocks from the ground up, counts by status."""

    x: int
    start: datetime
    end: datetime
    blocks: list[Block]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Chart:
    """All bars; `width` is how many there is room for, `is_cut` that only the newest were counted."""

    bars: list[Bar]
    width: int
    start: datetime
    end: datetime
    each: str
    totals: dict[str, int]
    total: int
    is_cut: bool


def chart(outcomes: Outcomes) -> Chart | None:
    """Draw the outcomes; None where there is nothing to draw."""
    if not outcomes.spans:
        return None
    first, last = min(outcomes.spans), max(outcomes.spans)
    room = max(round((last - first) / outcomes.length) + 1, LEAST_BARS)
    start = last - (room - 1) * outcomes.length
    highest = max(sum(counts.values()) for counts in outcomes.spans.values())
    bars = [
        _bar(round((at - start) / outcomes.length), at, outcomes.length, counts, highest)
        for at, counts in sorted(outcomes.spans.items())
    ]
    totals = {status.value: outcomes.totals[status] for status in ORDER if status in outcomes.totals}
    total = sum(totals.values())
    end = min(last + outcomes.length, max(last, now()))
    return Chart(bars, room, start, end, _each(outcomes.length), totals, total, total >= MOST_COUNTED)


def _bar(x: int, start: datetime, length: timedelta, counts: dict[str, int], highest: int) -> Bar:
    """Stack the statuses; a rare one still shows, at the cost of the others."""
    shown = [status for status in ORDER if counts.get(status)]
    least = LEAST * len(shown)
    scale = max(HEIGHT * sum(counts.values()) / highest, least) - least
    blocks, y = [], HEIGHT
    for status in shown:
        height = LEAST + scale * counts[status] / sum(counts.values())
        y -= height
        blocks.append(Block(round(y, 2), round(height, 2), status))
    return Bar(x, start, start + length, blocks, {status.value: counts[status] for status in shown})


def _each(length: timedelta) -> str:
    """Say how long a span is."""
    seconds = round(length.total_seconds())
    size, name = next((size, name) for size, name in UNITS if seconds % size == 0)
    count = seconds // size
    return f"{count} {name}{'s' * (count > 1)}"

"""What an execution waits for in which everything waits: whether it sleeps in its slot, or gives it up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.engine.progress import Progress, Unit
from app.engine.waits import place_of
from app.states import StepStatus

# What is slept through in the slot, with the place of the quota: handing over costs some of it anyway.
NAP = timedelta(seconds=0.5)
NEWS = ("waitForSignal", "workflow")


@dataclass(frozen=True, slots=True)
class Rest:
    """When the execution has to be woken at the latest, and the places at which it waits for news.

    `nap` is when it goes on by itself, if that is so soon that it keeps its slot.
    """

    until: datetime | None
    places: tuple[str, ...]
    nap: datetime | None


def rest_of(steps: Iterable[Progress], now: datetime) -> Rest:
    """Tell how steps rest that have begun and not ended; the limit of a wait for news is never slept for."""
    waiting = [(step, unit) for step in steps for unit in step.units if unit.status is StepStatus.WAITING]
    news = [(step, unit) for step, unit in waiting if _awaits_news(step, unit)]
    timed = [unit for step, unit in waiting if not _awaits_news(step, unit)]
    first = _first(timed)
    return Rest(
        until=_first([unit for _, unit in waiting]),
        places=tuple(place_of(step, unit) for step, unit in news),
        nap=first if first is not None and first - now < NAP else None,
    )


def awaited_children(steps: Iterable[Progress]) -> list[str]:
    """Name the places of the children that some steps have started, or are about to, and wait for."""
    starting = [step for step in steps if step.step.type == "workflow"]
    return [place_of(step, unit) for step in starting for unit in step.units if not unit.ended]


def _awaits_news(step: Progress, unit: Unit) -> bool:
    return step.step.type in NEWS and not unit.backs_off


def _first(units: list[Unit]) -> datetime | None:
    return min((unit.wake_at for unit in units if unit.wake_at is not None), default=None)

"""What an execution that waits for everything waits for: in its slot, or without one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.engine.graph import compile_graph
from app.engine.progress import Progress
from app.engine.rest import Rest, awaited_children, rest_of

NOW = datetime(2030, 1, 1, tzinfo=UTC)
CHILD = {"workflowId": "01a203fc-6170-7947-82ba-8a19c79c87c6"}
WITH: dict[str, Any] = {
    "wait": {"seconds": 1},
    "workflow": CHILD,
    "waitForSignal": {},
    "http": {"url": "https://a"},
}


def resting(kind: str, seconds: float | None, attempt: int = 1, error: str | None = None) -> Progress:
    """Give a step that waits for so many seconds, after a failed attempt if there is an error."""
    graph = compile_graph({"steps": [{"id": "one", "type": kind, "with": WITH[kind]}]})
    progress = Progress(graph.steps[0])
    for _ in range(attempt):
        progress.unit.begin(NOW)
    if error is not None:
        progress.unit.failed_attempt(error, NOW)
    progress.unit.wait(None if seconds is None else NOW + timedelta(seconds=seconds))
    return progress


@pytest.mark.parametrize("step", [resting("wait", 0.4), resting("http", 0.4, error="no")])
def test_only_what_is_over_in_a_moment_is_slept_through(step: Progress) -> None:
    assert rest_of([step], NOW) == Rest(step.unit.wake_at, (), step.unit.wake_at)


@pytest.mark.parametrize("kind", ["wait", "http"])
@pytest.mark.parametrize("seconds", [0.5, 1, 2, 3600])
def test_half_a_second_gives_the_slot_up(kind: str, seconds: float) -> None:
    step = resting(kind, seconds, error="no" if kind == "http" else None)

    assert rest_of([step], NOW) == Rest(NOW + timedelta(seconds=seconds), (), None)


@pytest.mark.parametrize("kind", ["workflow", "waitForSignal"])
@pytest.mark.parametrize("seconds", [None, 0.1, 60])
def test_a_wait_for_news_gives_the_slot_up_however_short_its_limit(kind: str, seconds: float | None) -> None:
    step = resting(kind, seconds)

    assert rest_of([step], NOW) == Rest(step.unit.wake_at, ("one",), None)


def test_the_pause_before_the_next_child_is_a_time_and_not_news() -> None:
    short, long = resting("workflow", 0.1, error="no"), resting("workflow", 60, error="no")

    assert rest_of([short], NOW) == Rest(short.unit.wake_at, (), short.unit.wake_at)
    assert rest_of([long], NOW) == Rest(long.unit.wake_at, (), None)


def test_each_attempt_has_a_place_of_its_own_for_its_child() -> None:
    assert rest_of([resting("workflow", None, attempt=3)], NOW).places == ("one[:3]",)
    assert awaited_children([resting("workflow", None), resting("wait", 60)]) == ["one"]

"""Which steps a retry takes over."""

from typing import Any

import pytest

from app.engine.graph import Graph, compile_graph
from app.engine.reuse import changed, reusable
from app.states import StepStatus

Json = Any


def step(step_id: str, value: Json = 1, **more: Json) -> dict[str, Json]:
    return {"id": step_id, "type": "transform", "with": {"value": value}, **more}


def compiled(*steps: dict[str, Json]) -> tuple[Graph, Json]:
    definition = {"steps": list(steps)}
    return compile_graph(definition), definition


CHAIN = compiled(step("a"), step("b"), step("c"))
DIAMOND = compiled(
    step("top"),
    step("left", needs=["top"]),
    step("right", needs=["top"]),
    step("end", needs=["left", "right"]),
)
LATE = compiled(
    step("a"),
    step("b"),
    step("tidy", runOn="always"),
    step("tell", runOn="always", needs=["tidy"]),
    step("alarm", runOn="failure"),
)


def ended(graph: Graph, **others: str) -> dict[str, StepStatus]:
    """Say how the steps ended: completed, unless told otherwise; `none` never began."""
    found = {step.id: others.get(step.id, "completed") for step in graph.steps}
    return {step_id: StepStatus(status) for step_id, status in found.items() if status != "none"}


@pytest.mark.parametrize(
    ("graph", "ends", "chosen", "reused"),
    [
        (CHAIN, {}, "abc", ""),
        (CHAIN, {}, "b", "a"),
        (CHAIN, {}, "a", ""),
        (CHAIN, {}, "", "abc"),
        (CHAIN, {"b": "failed", "c": "skipped"}, "b", "a"),
        (CHAIN, {"b": "cancelled", "c": "skipped"}, "", "a"),
        (CHAIN, {"b": "none", "c": "none"}, "", "a"),
        (DIAMOND, {}, ["left"], ["top", "right"]),
        (DIAMOND, {"right": "skipped"}, ["end"], ["top", "left"]),
        (DIAMOND, {"left": "failed"}, ["left"], ["top", "right"]),
        (LATE, {"alarm": "skipped"}, ["tidy"], ["a", "b"]),
        (LATE, {"alarm": "skipped"}, ["tell"], ["a", "b", "tidy"]),
        (LATE, {"alarm": "skipped", "b": "skipped"}, ["tell"], ["a", "tidy"]),
        (LATE, {"b": "failed"}, ["b"], ["a"]),
        (LATE, {"b": "failed"}, ["tell"], ["a"]),
    ],
)
def test_completed_steps_that_no_chosen_one_reaches_are_reused(
    graph: tuple[Graph, Json], ends: dict[str, str], chosen: list[str], reused: list[str]
) -> None:
    found = reusable(graph[0], ended(graph[0], **ends), chosen)

    assert [step.id for step in found] == list(reused)


def test_what_was_completed_in_another_version_only_is_not_reused() -> None:
    newer, _ = compiled(step("b", needs=[]))

    assert [step.id for step in reusable(newer, ended(CHAIN[0]), [])] == ["b"]


@pytest.mark.parametrize(
    ("newer", "names"),
    [
        (CHAIN, set()),
        (compiled(step("a"), step("b", 2), step("c")), {"b"}),
        (compiled(step("a"), step("b", 1.0), step("c")), set()),
        (compiled(step("a"), step("new"), step("b"), step("c")), {"new", "b"}),
        (compiled(step("a"), step("c")), {"c"}),
        (compiled(step("b"), step("a"), step("c")), {"a", "b", "c"}),
        (compiled(step("a"), step("b", retry={"attempts": 2}), step("c")), {"b"}),
    ],
)
def test_a_step_is_changed_by_its_definition_and_by_what_it_needs(
    newer: tuple[Graph, Json], names: set[str]
) -> None:
    assert changed(CHAIN, newer) == names

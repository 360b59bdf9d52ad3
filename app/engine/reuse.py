"""Which steps of a finished execution a retry takes over; pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from app import strictjson
from app.engine.graph import Graph, Step
from app.states import StepStatus

Json = Any


def reusable(graph: Graph, ends: Mapping[str, StepStatus], chosen: Iterable[str]) -> list[Step]:
    """List the completed steps that are neither chosen nor reachable from a chosen one.

    Steps with `runOn` come after all others: they are reachable from each of those that is chosen, reachable
    or had neither completed nor been skipped.
    """
    again = _downstream(graph, chosen)
    open_ends = (StepStatus.COMPLETED, StepStatus.SKIPPED)
    first = [step for step in graph.steps if step.run_on == "success"]
    if any(step.id in again or ends.get(step.id) not in open_ends for step in first):
        again |= {step.id for step in graph.steps if step.run_on != "success"}
    return [
        step for step in graph.steps if ends.get(step.id) is StepStatus.COMPLETED and step.id not in again
    ]


def changed(old: tuple[Graph, Json], new: tuple[Graph, Json]) -> frozenset[str]:
    """Name the steps of the new definition that the old one has not, or otherwise.

    Each side is a graph and the definition it was compiled from.
    """
    before, after = _texts(*old), _texts(*new)
    return frozenset(step_id for step_id, text in after.items() if before.get(step_id) != text)


def _texts(graph: Graph, definition: Json) -> dict[str, tuple[bytes, tuple[str, ...]]]:
    """Give each step as text with the steps it needs, which follow from the list where they are left out."""
    return {
        step["id"]: (strictjson.canonical(step), graph.by_id[step["id"]].needs)
        for step in definition["steps"]
    }


def _downstream(graph: Graph, starts: Iterable[str]) -> set[str]:
    found: set[str] = set()
    pending = list(starts)
    while pending:
        step_id = pending.pop()
        if step_id not in found:
            found.add(step_id)
            pending += graph.by_id[step_id].dependents
    return found

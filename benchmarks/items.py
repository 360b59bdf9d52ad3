"""One execution with a thousand items: of a transform, and of calls that take 50 ms, a hundred at a time."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from benchmarks.drain import UNFINISHED
from benchmarks.ours import HOST, Ours
from benchmarks.processes import Broken, wait_for
from benchmarks.verdicts import Verdict

COUNT, AT_ONCE = 1000, 100
LIMIT_SECONDS = 60
MOST_PURE, MOST_CALLS = 1.0, 1.5

SPAN = "SELECT status::text, extract(epoch FROM completed_at - started_at)::float8 FROM executions"
ITEMS = "SELECT count(*) FROM execution_step_items WHERE status = 'completed'"


@dataclass(frozen=True, slots=True)
class Iterated:
    """Seconds from the start of the execution to its end: of the transform, and of the calls."""

    pure: float
    calls: float


def pure() -> list[dict[str, object]]:
    """Give the steps: a transform of each item."""
    value = {"n": "${{ item }}", "at": "${{ index }}"}
    return [
        {"id": "each", "type": "transform", "forEach": "${{ input.items }}", "with": {"value": value}},
    ]


def calls(port: int) -> list[dict[str, object]]:
    """Give the steps: a call for each item."""
    url = f"http://{HOST}:{port}/quick/${{{{ item }}}}"
    step = {"id": "each", "type": "http", "forEach": "${{ input.items }}", "with": {"url": url}}
    return [step | {"forEachConcurrency": AT_ONCE}]


def iterate(ours: Ours, pure_id: UUID, calls_id: UUID) -> Iterated:
    """Run one execution of each on an idle worker; raises Broken when an item did not complete."""
    return Iterated(_one(ours, pure_id), _one(ours, calls_id))


def _one(ours: Ours, workflow_id: UUID) -> float:
    ours.servers.empty()
    with ours.ready_worker():
        ours.backlog(workflow_id, 1, {"items": list(range(COUNT))})
        wait_for(lambda: ours.servers.ask(UNFINISHED) == [(False,)], "an execution with items", LIMIT_SECONDS)
    [(status, seconds)] = ours.servers.ask(SPAN)
    [(items,)] = ours.servers.ask(ITEMS)
    if status != "completed" or items != COUNT:
        raise Broken(f"the execution is {status} with {items} of {COUNT} items")
    return float(seconds)


def describe(found: Sequence[Iterated]) -> str:
    """Write what was measured."""
    if not found:
        return ""
    pure_seconds = statistics.median(one.pure for one in found)
    call_seconds = statistics.median(one.calls for one in found)
    return (
        f"{COUNT:,} items of one execution: of a transform {pure_seconds:.2f} s, "
        f"calls of 50 ms, {AT_ONCE} at a time, {call_seconds:.2f} s"
    )


def verdicts(found: Sequence[Iterated]) -> list[Verdict]:
    """Judge what was measured."""
    if not found:
        return []
    return [
        Verdict(
            f"{COUNT:,} items of a transform end in under {MOST_PURE:g} s",
            f"{max(one.pure for one in found):.2f} s at most",
            tuple(one.pure < MOST_PURE for one in found),
        ),
        Verdict(
            f"{COUNT:,} calls of 50 ms, {AT_ONCE} at a time, end in under {MOST_CALLS:g} s",
            f"{max(one.calls for one in found):.2f} s at most",
            tuple(one.calls < MOST_CALLS for one in found),
        ),
    ]

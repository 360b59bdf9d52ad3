"""What a crowd does to a neighbour: 50,000 pending executions, and 10,000 that wait, beside single ones."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from uuid import UUID

from benchmarks.ours import Ours
from benchmarks.processes import Broken, wait_for
from benchmarks.verdicts import Verdict

PENDING, WAITING = 50_000, 10_000
SINGLES, PAUSE_SECONDS = 10, 0.3
FIRST_WAKE, LAST_WAKE = 20, 40
LIMIT_SECONDS = 180
MOST_DELAY, MOST_LATE = 1.0, 2.0

WAIT = [{"id": "sleep", "type": "wait", "with": {"seconds": "${{ input.seconds }}"}}]

LATENCIES = """
SELECT extract(epoch FROM completed_at - created_at)::float8 FROM executions
WHERE workspace_id = %s AND status = 'completed'
"""
LATE = """
SELECT extract(epoch FROM completed_at - started_at)::float8 - (input->>'seconds')::float8
FROM execution_steps WHERE type = 'wait' AND status = 'completed'
"""
ASLEEP = "SELECT count(*) FROM executions WHERE status = 'running' AND waiting_since IS NOT NULL"
LEFT = "SELECT count(*) FROM executions WHERE workspace_id = %s AND status = 'pending'"


@dataclass(frozen=True, slots=True)
class Crowded:
    """Seconds a neighbour's executions took alone and beside each crowd; how late the waiting woke."""

    alone: tuple[float, ...]
    beside_pending: tuple[float, ...]
    beside_waiting: tuple[float, ...]
    late: tuple[float, ...]


def measure(ours: Ours, steps: Sequence[object], scale: float) -> Crowded:
    """Measure a neighbour's executions beside two crowds, the waiting one `scale` times its full size.

    Raises Broken. A smaller crowd of pending ones would be worked off before anything is measured.
    """
    crowd, neighbour = ours.tenant("Crowd"), ours.tenant("Neighbour")
    many, few = crowd.add_workflow("Many", steps), neighbour.add_workflow("Few", steps)
    sleepers = crowd.add_workflow("Sleepers", WAIT)
    with _working(ours):
        alone = _singles(neighbour, few)
    crowd.backlog(many, PENDING)
    with _working(ours):
        beside_pending = _singles(neighbour, few)
        [(left,)] = ours.servers.ask(LEFT, [str(crowd.scope.workspace_id)])
    if not left:
        raise Broken("the crowd was worked off before its neighbour was measured")
    beside_waiting, late = _beside_sleepers(ours, crowd, sleepers, neighbour, few, int(WAITING * scale))
    return Crowded(alone, beside_pending, beside_waiting, late)


def _beside_sleepers(
    ours: Ours, crowd: Ours, sleepers: UUID, neighbour: Ours, few: UUID, count: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Let a crowd sleep and wake beside a neighbour; give the neighbour's seconds, and how late each woke."""
    with _working(ours):
        spread = [
            {"seconds": FIRST_WAKE + (LAST_WAKE - FIRST_WAKE) * number / count} for number in range(count)
        ]
        crowd.backlog_of(sleepers, spread)
        wait_for(lambda: ours.servers.ask(ASLEEP)[0][0] >= count * 0.9, "the crowd's sleep", LIMIT_SECONDS)
        beside = _singles(neighbour, few)
        wait_for(lambda: len(ours.servers.ask(LATE)) == count, "the crowd's waking", LIMIT_SECONDS)
        return beside, tuple(late for (late,) in ours.servers.ask(LATE))


@contextmanager
def _working(ours: Ours) -> Iterator[None]:
    """Run one worker process and the clock; nothing that was measured before is left."""
    with ours.ready_worker(), ours.clock():
        yield
    ours.servers.empty()


def _singles(neighbour: Ours, workflow_id: UUID) -> tuple[float, ...]:
    """Trigger one after the other at a pace; give the seconds from the making of each to its end."""
    neighbour.at_a_pace(workflow_id, SINGLES, PAUSE_SECONDS)
    workspace = str(neighbour.scope.workspace_id)

    def ended() -> list[tuple[float, ...]]:
        return neighbour.servers.ask(LATENCIES, [workspace])

    wait_for(lambda: len(ended()) == SINGLES, "the neighbour's executions", LIMIT_SECONDS)
    return tuple(seconds for (seconds,) in ended())


def describe(found: Sequence[Crowded]) -> str:
    """Write what was measured."""
    if not found:
        return ""
    columns = ("alone", "beside_pending", "beside_waiting")
    alone, pending, waiting = ([s for one in found for s in getattr(one, name)] for name in columns)
    late, asleep = [seconds for one in found for seconds in one.late], len(found[0].late)
    return "\n".join(
        [
            f"a neighbour's single executions, median and slowest: alone {_two(alone)},",
            f"  beside {PENDING:,} pending {_two(pending)}, beside {asleep:,} waiting {_two(waiting)}",
            f"  the waiting woke {median(late):.2f} s late, {max(late):.2f} s at most",
        ]
    )


def _two(seconds: Sequence[float]) -> str:
    return f"{median(seconds):.3f} s, {max(seconds):.3f} s"


def verdicts(found: Sequence[Crowded]) -> list[Verdict]:
    """Judge what was measured."""
    if not found:
        return []
    pending = [max(one.beside_pending) - median(one.alone) for one in found]
    waiting = [max(one.beside_waiting) - median(one.alone) for one in found]
    late, asleep = [max(one.late) for one in found], len(found[0].late)
    return [
        _below(f"{PENDING:,} pending delay a neighbour's execution by less than", MOST_DELAY, pending),
        _below(f"{asleep:,} waiting delay a neighbour's execution by less than", MOST_DELAY, waiting),
        _below("each of them wakes less late than", MOST_LATE, late),
    ]


def _below(rule: str, limit: float, seconds: Sequence[float]) -> Verdict:
    return Verdict(
        f"{rule} {limit:g} s", f"{max(seconds):.2f} s at most", tuple(second < limit for second in seconds)
    )

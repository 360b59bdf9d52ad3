"""Draining a backlog: how fast, and what it takes of worker, PostgreSQL and Valkey."""

import os
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from benchmarks.processes import Broken, Meter, Process, Sample
from benchmarks.servers import OURS, Servers

LIMIT_SECONDS = 180
STEADY = 0.10, 0.95

UNFINISHED = "SELECT EXISTS (SELECT FROM executions WHERE status IN ('pending', 'running'))"
COMPLETED = (
    "SELECT extract(epoch FROM completed_at)::float8 FROM executions WHERE status = 'completed' ORDER BY 1"
)
STEPS = "SELECT count(*) FROM execution_steps WHERE status = 'completed'"


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody who drains: `fill` makes a backlog, `work` runs the processes that drain it.

    A fast one takes a backlog `times` as long, so that there is something to measure.
    """

    name: str
    fill: Callable[[int], object]
    work: Callable[[], AbstractContextManager[list[Process]]]
    database: str = OURS
    steps: int = 1
    times: int = 1


@dataclass(frozen=True, slots=True)
class Drained:
    """One drain: executions/s, CPU µs an execution (worker, PostgreSQL, Valkey), the workers' peak bytes.

    `others` is the share of the machine that processes took which are none of the measured.
    """

    rate: float
    cpu: tuple[float, float, float]
    memory: int
    others: float = 0.0


def drain(servers: Servers, peer: Peer, count: int) -> Drained:
    """Fill, drain and reckon; raises Broken when work was lost or takes too long."""
    count *= peer.times
    servers.empty()
    peer.fill(count)
    servers.settle_down(peer.database)
    with peer.work() as workers, servers.connected(peer.database) as opened, opened.cursor() as cursor:

        def ended() -> bool:
            cursor.execute(UNFINISHED)
            return cursor.fetchone() == (False,)

        samples = Meter(servers, workers).until(ended, f"the drain of {peer.name}", LIMIT_SECONDS)
    times = [time for (time,) in servers.ask(COMPLETED, database=peer.database)]
    [(steps,)] = servers.ask(STEPS, database=peer.database)
    if len(times) != count or steps != count * peer.steps:
        raise Broken(f"{peer.name} lost work: {len(times)} of {count} completed with {steps} steps")
    memory = max(sample.memory for sample in samples)
    return Drained(steady_rate(times), steady_cpu(samples, times), memory, others_share(samples))


def others_share(samples: list[Sample]) -> float:
    """Give the share of all processors that went to processes beside the measured ones."""
    first, last = samples[0], samples[-1]
    measured = sum(last.cpu) - sum(first.cpu)
    seconds = (last.at - first.at) * (os.cpu_count() or 1)
    return max(0.0, (last.busy - first.busy - measured) / seconds) if seconds else 0.0


def steady_rate(times: list[float]) -> float:
    """Give executions/s between the 10th and the 95th percentile, so without start and tail."""
    first, last = (int((len(times) - 1) * share) for share in STEADY)
    return (last - first) / (times[last] - times[first])


def steady_cpu(samples: list[Sample], times: list[float]) -> tuple[float, float, float]:
    """Give CPU µs an execution between the samples nearest inside the steady part."""
    first, last = (times[int((len(times) - 1) * share)] for share in STEADY)
    at = [sample.at for sample in samples]
    a, b = bisect_left(at, first), bisect_right(at, last) - 1
    if b <= a:
        raise Broken("the drain was too short for its CPU to be measured: take a larger backlog")
    done = bisect_right(times, at[b]) - bisect_right(times, at[a])
    worker, postgres, valkey = (
        1e6 * (later - earlier) / max(1, done)
        for earlier, later in zip(samples[a].cpu, samples[b].cpu, strict=True)
    )
    return worker, postgres, valkey

"""What is printed: the machine, the tables, and what must hold."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import redis

from benchmarks import crowds, items, peers
from benchmarks.drain import Drained
from benchmarks.hostile import AT_ONCE as ATTACKS
from benchmarks.hostile import Beside
from benchmarks.node_peer import NodePeer
from benchmarks.ours import SLOTS
from benchmarks.percentiles import percentile
from benchmarks.posting import CONNECTIONS, RATE, Posted, generator
from benchmarks.schedules import AT_ONCE, EVERY_SECOND, QUEUED, Fired
from benchmarks.servers import Servers
from benchmarks.streams import RATE as STREAM_RATE
from benchmarks.streams import STREAMS, Streamed
from benchmarks.verdicts import Verdict
from benchmarks.waiting import COUNT, Waited

LEAST_RATIO = 3.0
LEAST_STEPS, LEAST_STEPS_RATIO = 5_000, 2.0
LONG = (peers.TEN_STEPS, peers.BULLMQ_TEN_STEPS)
MOST_MEMORY = 200 * 1024 * 1024
MOST_WAITED = 2.0
MOST_OTHERS = 0.10
MOST_LATE = 1.5
MOST_BURST = 10.0
MOST_SLOWER = 2.0


@dataclass(slots=True)
class Results:
    """What the rounds gave; drains by peer."""

    drains: dict[str, list[Drained]] = field(default_factory=dict)
    waits: list[Waited] = field(default_factory=list)
    posts: list[Posted] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    fired: list[Fired] = field(default_factory=list)
    streamed: list[Streamed] = field(default_factory=list)
    iterated: list[items.Iterated] = field(default_factory=list)
    crowded: list[crowds.Crowded] = field(default_factory=list)
    hostile: list[Beside] = field(default_factory=list)


def machine(servers: Servers, node: NodePeer | None) -> str:
    """Say what this was measured on."""
    names = ("server_version", "fsync", "synchronous_commit")
    postgres, fsync, synchronous = (servers.ask("SELECT current_setting(%s)", [name])[0][0] for name in names)
    with redis.Redis.from_url(servers.valkey.url) as client:
        valkey = client.info("server")
    return "\n".join(
        [
            f"{os.cpu_count()} cores ({_processor()}), {platform.system()} {platform.release()}, "
            f"load {os.getloadavg()[0]:.1f} at the start",
            f"Python {platform.python_version()}, PostgreSQL {postgres} (fsync {fsync}, synchronous_commit "
            f"{synchronous}), Valkey {valkey['valkey_version']}" + (f", node {node.version}" if node else ""),
        ]
    )


def _processor() -> str:
    """Name the processor; only Linux tells more than its architecture."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def tables(results: Results, left_out: str | None) -> str:
    """Write all that was measured."""
    parts = [
        _drains(results.drains) if results.drains else "",
        f"BullMQ is left out: {left_out}" if left_out and peers.WORKER in results.drains else "",
        _steps(results.drains),
        _web(results),
        _waits(results.waits),
        items.describe(results.iterated),
        crowds.describe(results.crowded),
        _fires(results.fired),
        _streams(results.streamed),
        _hostile(results.hostile),
    ]
    return "\n\n".join(part for part in parts if part)


def _drains(drains: dict[str, list[Drained]]) -> str:
    head = f"{'draining a backlog':38}{'exec/s':>8}{'min':>8}{'max':>8}{'ours is':>9}"
    lines = [head + f"{'worker':>9}{'postgres':>10}{'valkey':>8}{'others':>8}"]
    ours = drains.get(peers.WORKER)
    for name, taken in drains.items():
        rates = [drained.rate for drained in taken]
        ratio = f"{_ratio(ours, taken):.2f} x" if ours and name not in LONG else ""
        cpu = [statistics.median(column) for column in zip(*(drained.cpu for drained in taken), strict=True)]
        lines.append(
            f"{name:38}{_rate(taken):8,.0f}{min(rates):8,.0f}{max(rates):8,.0f}{ratio:>9}"
            f"{cpu[0]:9.0f}{cpu[1]:10.0f}{cpu[2]:8.0f}{max(drained.others for drained in taken):8.0%}"
        )
    if peers.WORKER in drains:
        lines.append(
            "ours is: median of the ratios within a round; worker, postgres, valkey: CPU µs an execution;"
        )
        lines.append("others: the most of the machine that processes took which are not measured")
        lines.append(f"peak memory of the worker: {_megabytes(_memory(drains[peers.WORKER]))}")
    return "\n".join(lines)


def _rate(taken: Sequence[Drained]) -> float:
    return statistics.median(drained.rate for drained in taken)


def _ratios(ours: Sequence[Drained], theirs: Sequence[Drained]) -> list[float]:
    """Divide within each round: what loads the machine changes from one round to the next."""
    return [mine.rate / other.rate for mine, other in zip(ours, theirs, strict=True)]


def _ratio(ours: Sequence[Drained], theirs: Sequence[Drained]) -> float:
    return statistics.median(_ratios(ours, theirs))


def _memory(taken: Sequence[Drained]) -> int:
    return max(drained.memory for drained in taken)


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.0f} MB"


def _steps(drains: dict[str, list[Drained]]) -> str:
    names = ((peers.TEN_STEPS, "workflows of ten transform steps"), (peers.BULLMQ_TEN_STEPS, "BullMQ's rows"))
    told = [f"{said}: {10 * _rate(drains[name]):,.0f} steps/s" for name, said in names if name in drains]
    return "; ".join(told)


def _steps_verdicts(drains: dict[str, list[Drained]]) -> list[Verdict]:
    ours, bullmq = drains.get(peers.TEN_STEPS), drains.get(peers.BULLMQ_TEN_STEPS)
    if not ours:
        return []
    rates = [10 * drained.rate for drained in ours]
    rule = f"ten transform steps: at least {LEAST_STEPS:,} steps/s"
    found = [Verdict(rule, f"{min(rates):,.0f} at least", tuple(rate >= LEAST_STEPS for rate in rates))]
    if bullmq:
        ratios = _ratios(ours, bullmq)
        rule = f"and at least {LEAST_STEPS_RATIO:.0f} x {peers.BULLMQ_TEN_STEPS}"
        spread = f"{statistics.median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
        kept = tuple(ratio >= LEAST_STEPS_RATIO for ratio in ratios)
        found.append(Verdict(rule, spread, kept, _doubt(ours, bullmq)))
    return found


def _web(results: Results) -> str:
    lines = []
    if results.latencies:
        p50, p99 = (percentile(results.latencies, share) for share in (0.50, 0.99))
        counted = f"{len(results.latencies)} POSTs at {RATE}/s"
        lines.append(f"POST → completed: p50 {p50:.1f} ms, p99 {p99:.1f} ms ({counted})")
    if results.posts:
        rate, p50, p99 = (
            statistics.median(getattr(posted, name) for posted in results.posts)
            for name in ("rate", "p50", "p99")
        )
        how = f"{CONNECTIONS} connections, one web process, by {generator()}"
        lines.append(f"POST: {rate:,.0f}/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms ({how})")
    return "\n".join(lines)


def _waits(waits: Sequence[Waited]) -> str:
    if not waits:
        return ""
    start, trigger = (statistics.median(getattr(one, name) for one in waits) for name in Waited.__slots__)
    return (
        f"{COUNT} executions that each wait 1 s on HTTP: {start:.2f} s from the first start, "
        f"{trigger:.2f} s from the trigger"
    )


def _fires(fired: Sequence[Fired]) -> str:
    if not fired:
        return ""
    lines = [f"{EVERY_SECOND} schedules of every second beside {QUEUED:,} executions in the queue:"]
    for name in ("paused", "busy"):
        lags = [lag for one in fired for lag in getattr(one, name)]
        shares = ", ".join(f"p{share * 100:g} {percentile(lags, share):.3f} s" for share in (0.5, 0.99, 1))
        lines.append(f"  worker {name}: {shares} ({len(lags):,} fires)")
    burst = statistics.median(one.burst for one in fired)
    return "\n".join([*lines, f"{AT_ONCE:,} schedules due at once: all committed {burst:.2f} s later"])


def _streams(streamed: Sequence[Streamed]) -> str:
    if not streamed:
        return ""
    lines = [f"POSTs at {STREAM_RATE}/s to one web process:"]
    for name, how in (("alone", "without streams"), ("beside", f"{STREAMS} streams told of each")):
        p50, p99 = (statistics.median(getattr(one, name)[place] for one in streamed) for place in (0, 1))
        lines.append(f"  {how}: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    return "\n".join(lines)


def _hostile(taken: Sequence[Beside]) -> str:
    if not taken:
        return ""
    lines = [f"executions with one expression at {RATE}/s, POST → completed:"]
    for name, how in (
        ("alone", "alone"),
        ("hostile", f"beside {ATTACKS} hostile code steps of another workspace"),
    ):
        times = [one for beside in taken for one in getattr(beside, name)]
        p50, p99 = (percentile(times, share) for share in (0.50, 0.99))
        lines.append(f"  {how}: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    return "\n".join(lines)


def verdicts(results: Results) -> list[Verdict]:
    """Judge what was measured."""
    found = []
    ours, bullmq = results.drains.get(peers.WORKER), results.drains.get(peers.BULLMQ)
    if ours and bullmq:
        ratios = _ratios(ours, bullmq)
        rule = f"one worker process drains at least {LEAST_RATIO:.0f} x {peers.BULLMQ}"
        spread = f"{statistics.median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
        found.append(
            Verdict(rule, spread, tuple(ratio >= LEAST_RATIO for ratio in ratios), _doubt(ours, bullmq))
        )
    if ours:
        rule = f"the worker stays under {_megabytes(MOST_MEMORY)} at {SLOTS} slots"
        under = tuple(drained.memory < MOST_MEMORY for drained in ours)
        found.append(Verdict(rule, _megabytes(_memory(ours)), under))
    found += _steps_verdicts(results.drains)
    if results.waits:
        seconds = [waited.from_start for waited in results.waits]
        rule = f"{COUNT} executions that each wait 1 s on HTTP end in under {MOST_WAITED:.0f} s"
        slowest = f"{max(seconds):.2f} s at most"
        found.append(Verdict(rule, slowest, tuple(second < MOST_WAITED for second in seconds)))
    found += items.verdicts(results.iterated) + crowds.verdicts(results.crowded)
    found += _fires_verdicts(results.fired) + _streams_verdicts(results.streamed)
    return found + _hostile_verdicts(results.hostile)


def _hostile_verdicts(taken: Sequence[Beside]) -> list[Verdict]:
    if not taken:
        return []
    slower = [percentile(one.hostile, 0.99) / percentile(one.alone, 0.99) for one in taken]
    rule = f"{ATTACKS} hostile code steps make the p99 of a neighbour less than {MOST_SLOWER:.0f} x as long"
    spread = f"{statistics.median(slower):.2f} x ({min(slower):.2f} to {max(slower):.2f})"
    return [Verdict(rule, spread, tuple(ratio < MOST_SLOWER for ratio in slower))]


def _streams_verdicts(streamed: Sequence[Streamed]) -> list[Verdict]:
    if not streamed:
        return []
    slower = [one.beside[1] / one.alone[1] for one in streamed]
    rule = f"{STREAMS} open streams make the p99 of POSTs at most {MOST_SLOWER:.0f} x as long"
    kept = tuple(ratio <= MOST_SLOWER for ratio in slower)
    spread = f"{statistics.median(slower):.2f} x ({min(slower):.2f} to {max(slower):.2f})"
    return [Verdict(rule, spread, kept)]


def _fires_verdicts(fired: Sequence[Fired]) -> list[Verdict]:
    if not fired:
        return []
    late = [max(percentile(one.paused, 0.99), percentile(one.busy, 0.99)) for one in fired]
    bursts = [one.burst for one in fired]
    return [
        Verdict(
            f"a fire's execution is made within {MOST_LATE} s of its instant (p99)",
            f"{max(late):.3f} s at most",
            tuple(second <= MOST_LATE for second in late),
        ),
        Verdict(
            f"{AT_ONCE:,} schedules due at once have fired within {MOST_BURST:.0f} s",
            f"{max(bursts):.2f} s at most",
            tuple(burst <= MOST_BURST for burst in bursts),
        ),
    ]


def _doubt(*peers_drains: Sequence[Drained]) -> str:
    """Say why a comparison of rates proves nothing: a longer drain meets more of the machine's other work."""
    most = max(drained.others for taken in peers_drains for drained in taken)
    return f"others took up to {most:.0%} of the machine" if most > MOST_OTHERS else ""

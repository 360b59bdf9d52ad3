"""What is printed: the machine, the tables, and what must hold."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import redis

from benchmarks import peers
from benchmarks.drain import Drained
from benchmarks.node_peer import NodePeer
from benchmarks.ours import SLOTS
from benchmarks.percentiles import percentile
from benchmarks.posting import CONNECTIONS, RATE, Posted, generator
from benchmarks.servers import Servers
from benchmarks.waiting import COUNT, Waited

LEAST_RATIO = 3.0
MOST_MEMORY = 200 * 1024 * 1024
MOST_WAITED = 2.0
MOST_OTHERS = 0.10


@dataclass(slots=True)
class Results:
    """What the rounds gave; drains by peer."""

    drains: dict[str, list[Drained]] = field(default_factory=dict)
    waits: list[Waited] = field(default_factory=list)
    posts: list[Posted] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)


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
        _steps(results.drains.get(peers.TEN_STEPS)),
        _web(results),
        _waits(results.waits),
    ]
    return "\n\n".join(part for part in parts if part)


def _drains(drains: dict[str, list[Drained]]) -> str:
    head = f"{'draining a backlog':38}{'exec/s':>8}{'min':>8}{'max':>8}{'ours is':>9}"
    lines = [head + f"{'worker':>9}{'postgres':>10}{'valkey':>8}{'others':>8}"]
    ours = drains.get(peers.WORKER)
    for name, taken in drains.items():
        rates = [drained.rate for drained in taken]
        ratio = f"{_ratio(ours, taken):.2f} x" if ours and name != peers.TEN_STEPS else ""
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


def _steps(taken: Sequence[Drained] | None) -> str:
    return f"workflows of ten transform steps: {10 * _rate(taken):,.0f} steps/s" if taken else ""


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


@dataclass(frozen=True, slots=True)
class Verdict:
    """Something that must hold, in which rounds it did, and why those prove nothing, if so."""

    rule: str
    found: str
    rounds: tuple[bool, ...]
    doubt: str = ""

    @property
    def word(self) -> str:
        """Say `holds` or `FAILS` only when every round agrees on a quiet machine."""
        if self.doubt or len(set(self.rounds)) > 1:
            return "unsure"
        return "holds" if all(self.rounds) else "FAILS"

    def __str__(self) -> str:
        doubt = self.doubt or "rounds disagree"
        again = f" ({doubt}: repeat on a quiet machine)" if self.word == "unsure" else ""
        return f"{self.word:6} {self.rule}: {self.found}{again}"


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
    if results.waits:
        seconds = [waited.from_start for waited in results.waits]
        rule = f"{COUNT} executions that each wait 1 s on HTTP end in under {MOST_WAITED:.0f} s"
        slowest = f"{max(seconds):.2f} s at most"
        found.append(Verdict(rule, slowest, tuple(second < MOST_WAITED for second in seconds)))
    return found


def _doubt(*peers_drains: Sequence[Drained]) -> str:
    """Say why a comparison of rates proves nothing: a longer drain meets more of the machine's other work."""
    most = max(drained.others for taken in peers_drains for drained in taken)
    return f"others took up to {most:.0%} of the machine" if most > MOST_OTHERS else ""

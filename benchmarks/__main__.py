"""The command: `make bench`, or `python -m benchmarks [--quick] [PART …]`."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from benchmarks import (
    crowds,
    hostile,
    items,
    node_peer,
    ours,
    peers,
    plain,
    posting,
    report,
    schedules,
    streams,
    waiting,
)
from benchmarks.drain import Peer, drain
from benchmarks.node_peer import LeftOut, NodePeer
from benchmarks.ours import HOST, Ours
from benchmarks.percentiles import percentile
from benchmarks.processes import Broken
from benchmarks.report import Results
from benchmarks.servers import running

PARTS = ("drain", "steps", "latency", "post", "wait", "items", "crowds", "schedules", "streams", "hostile")


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    rounds: int
    executions: int
    workflows: int
    pace_seconds: float
    post_seconds: float
    fire_seconds: float
    crowd: float


WHOLE = Size(
    rounds=3, executions=5000, workflows=2000, pace_seconds=20, post_seconds=5, fire_seconds=10, crowd=1
)
QUICK = Size(
    rounds=1, executions=3000, workflows=1000, pace_seconds=5, post_seconds=2, fire_seconds=5, crowd=0.2
)

Measure = tuple[str, Callable[[], str]]


def main(arguments: Sequence[str]) -> int:
    """Measure and print; 1 when something that must hold was not shown to, or a measurement broke."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure this machine, in turns."
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)}; left out: all")
    parser.add_argument("--quick", action="store_true", help="one round, a smaller backlog")
    options = parser.parse_args(arguments)
    if wrong := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(wrong))}: take some of {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return measure(QUICK if options.quick else WHOLE, options.parts or PARTS)
    except Broken as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    return 1


def measure(size: Size, parts: Sequence[str]) -> int:
    """Take all measurements in turns, round after round, and print what they gave."""
    node, left_out = _node() if {"drain", "steps"} & set(parts) else (None, None)
    results = Results()
    with running() as servers, waiting.upstream(servers) as port:
        service = ours.install(servers, f"{HOST}:{port}")
        plain.install(servers)
        print(report.machine(servers, node), flush=True)
        measures = _measures(service, size, parts, node, port, results)
        for number in range(1, size.rounds + 1):
            for name, take in measures:
                print(f"  round {number} of {size.rounds}: {name}: {take()}", flush=True)
    print("\n" + report.tables(results, left_out))
    verdicts = report.verdicts(results)
    print("\n" + "\n".join(map(str, verdicts)))
    return 0 if all(verdict.word == "holds" for verdict in verdicts) else 1


def _node() -> tuple[NodePeer | None, str | None]:
    try:
        return node_peer.install(), None
    except LeftOut as why:
        return None, str(why)


def _measures(
    service: Ours, size: Size, parts: Sequence[str], node: NodePeer | None, port: int, results: Results
) -> list[Measure]:
    """List what a round takes, in order."""
    one = service.add_workflow("One step", peers.ONE_STEP_WORKFLOW)
    ten = service.add_workflow("Ten steps", peers.TEN_STEP_WORKFLOW)
    call = service.add_workflow("One call", waiting.workflow(port))
    busy = service.add_workflow("Busy", schedules.BUSY)
    each = service.add_workflow("Items", items.pure()), service.add_workflow("Calls", items.calls(port))
    expression = service.add_workflow("One expression", hostile.EXPRESSION)

    def drained(peer: Peer, count: int) -> Measure:
        def take() -> str:
            found = drain(service.servers, peer, count)
            results.drains.setdefault(peer.name, []).append(found)
            return f"{found.rate:,.0f} executions/s"

        return peer.name, take

    measures: dict[str, list[Measure]] = {
        "drain": [drained(peer, size.executions) for peer in peers.all_peers(service, one, node)],
        "steps": [drained(peer, size.workflows) for peer in peers.ten_steps(service, ten, node)],
        "latency": [("POST to completed", lambda: _latency(service, one, size.pace_seconds, results))],
        "post": [("POST", lambda: _post(service, one, size.post_seconds, results))],
        "wait": [("waiting on HTTP", lambda: _wait(service, call, results))],
        "items": [("items", lambda: _iterate(service, each, results))],
        "crowds": [("crowds", lambda: _crowd(service, size.crowd, results))],
        "schedules": [("schedules", lambda: _fire(service, (one, busy), size.fire_seconds, results))],
        "streams": [("open streams", lambda: _stream(service, one, size.pace_seconds, results))],
        "hostile": [("hostile code", lambda: _hostile(service, expression, size.pace_seconds, results))],
    }
    return [taken for part in PARTS if part in parts for taken in measures[part]]


def _latency(service: Ours, workflow_id: UUID, seconds: float, results: Results) -> str:
    found = posting.latencies(service, workflow_id, seconds)
    results.latencies += found
    return f"{percentile(found, 0.50):.1f} ms"


def _post(service: Ours, workflow_id: UUID, seconds: float, results: Results) -> str:
    results.posts.append(posting.post(service, workflow_id, seconds))
    return f"{results.posts[-1].rate:,.0f}/s"


def _wait(service: Ours, workflow_id: UUID, results: Results) -> str:
    results.waits.append(waiting.wait_on_http(service, workflow_id))
    return f"{results.waits[-1].from_start:.2f} s"


def _iterate(service: Ours, workflows: tuple[UUID, UUID], results: Results) -> str:
    results.iterated.append(items.iterate(service, *workflows))
    return f"{results.iterated[-1].pure:.2f} s, calls {results.iterated[-1].calls:.2f} s"


def _crowd(service: Ours, scale: float, results: Results) -> str:
    results.crowded.append(crowds.measure(service, peers.ONE_STEP_WORKFLOW, scale))
    return f"a neighbour took {max(results.crowded[-1].beside_pending):.3f} s at most"


def _fire(service: Ours, workflows: tuple[UUID, UUID], seconds: float, results: Results) -> str:
    results.fired.append(schedules.fire(service, *workflows, seconds))
    return f"{schedules.AT_ONCE:,} at once in {results.fired[-1].burst:.2f} s"


def _stream(service: Ours, workflow_id: UUID, seconds: float, results: Results) -> str:
    results.streamed.append(streams.measure(service, workflow_id, seconds))
    return f"p99 {results.streamed[-1].beside[1]:.1f} ms"


def _hostile(service: Ours, workflow_id: UUID, seconds: float, results: Results) -> str:
    results.hostile.append(hostile.measure(service, workflow_id, seconds))
    return f"p99 {percentile(results.hostile[-1].hostile, 0.99):.1f} ms"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

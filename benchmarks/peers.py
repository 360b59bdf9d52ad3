"""Who drains in turns: our worker, the raw cost of the same rows, and BullMQ where node is."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from uuid import UUID

import orjson

from benchmarks import node_peer, plain
from benchmarks.drain import Peer
from benchmarks.node_peer import NodePeer
from benchmarks.ours import INPUT, SLOTS, Ours
from benchmarks.processes import Broken, Process, last_line, started
from benchmarks.servers import OURS, PLAIN

WORKER = f"one worker process, {SLOTS} slots"
SINGLY = "raw: a commit a move, 8 connections"
GROUPED = "raw: group commit by 100"
GROUPED_PLAIN = "raw: the same, two plain tables"
BULLMQ = f"BullMQ, concurrency {node_peer.CONCURRENCY}"
TEN_STEPS = "ten transform steps each"
BULLMQ_TEN_STEPS = f"{BULLMQ}, ten step rows each"

ONE_STEP_WORKFLOW = [{"id": "only", "type": "transform", "with": {"value": "${{ input }}"}}]
TEN_STEP_WORKFLOW = [
    {"id": "s1", "type": "transform", "with": {"value": "${{ input }}"}},
    *(
        {
            "id": f"s{number}",
            "type": "transform",
            "needs": [f"s{number - 1}"],
            "with": {"value": {"message": f"${{{{ steps.s{number - 1}.output.message }}}}"}},
        }
        for number in range(2, 11)
    ),
]


def all_peers(ours: Ours, workflow_id: UUID, node: NodePeer | None) -> list[Peer]:
    """List them, ours first."""
    fill = partial(ours.backlog, workflow_id)
    return [
        Peer(WORKER, fill, ours.worker),
        Peer(SINGLY, fill, _raw(ours, OURS, "singly", 4, 2)),
        Peer(GROUPED, fill, _raw(ours, OURS, "grouped", 100, 1), times=3),
        Peer(
            GROUPED_PLAIN,
            partial(_fill_plain, ours),
            _raw(ours, PLAIN, "grouped-plain", 100, 1),
            PLAIN,
            times=3,
        ),
        *([_bullmq(ours, node, BULLMQ, 1)] if node else []),
    ]


def ten_steps(ours: Ours, workflow_id: UUID, node: NodePeer | None) -> list[Peer]:
    """List those with longer workflows, ours first."""
    mine = Peer(TEN_STEPS, partial(ours.backlog, workflow_id), ours.worker, steps=10)
    return [mine, *([_bullmq(ours, node, BULLMQ_TEN_STEPS, 10)] if node else [])]


def _fill_plain(ours: Ours, count: int) -> None:
    plain.fill(ours.servers, count, orjson.dumps(INPUT).decode())


def _raw(
    ours: Ours, database: str, way: str, number: int, parts: int
) -> Callable[[], AbstractContextManager[list[Process]]]:
    env = dict(os.environ) | {"DATABASE_URL": ours.servers.url(database)}
    words = [sys.executable, "-m", "benchmarks.raw", way, str(number)]
    commands = [[*words, str(part), str(parts)] for part in range(parts)]
    return partial(started, commands, env, ours.servers.folder / "raw.log")


def _bullmq(ours: Ours, node: NodePeer, name: str, steps: int) -> Peer:
    env = node_peer.environment(ours.servers)

    def fill(count: int) -> None:
        _fill_plain(ours, count)
        done = subprocess.run(node.command("send"), env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Broken(f"BullMQ did not send: {last_line(done.stderr)}")

    log = ours.servers.folder / "bullmq.log"
    command = node.command("work", str(node_peer.CONCURRENCY), str(steps))
    return Peer(name, fill, partial(started, [command], env, log), PLAIN, steps)

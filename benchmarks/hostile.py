"""A neighbour of hostile code: executions with one expression, alone and while another workspace attacks."""

import time
from dataclasses import dataclass
from uuid import UUID

from benchmarks.ours import Ours
from benchmarks.posting import WARM_SECONDS, at_a_pace, took
from benchmarks.processes import Broken, wait_for

AT_ONCE = 20
SETTLE_SECONDS = 2.0
LIMIT_SECONDS = 60

EXPRESSION = [
    {"id": "twice", "type": "transform", "with": {"value": "${{ [...input.message].length * 2 }}"}},
]
ATTACKS = """
switch (index % 5) {
  case 0: while (true) {}
  case 1: { const all = []; while (true) all.push("x".repeat(1e6) + all.length); }
  case 2: return Array.prototype.reverse.call({length: 2 ** 53 - 1});
  case 3: while (true) console.log("x".repeat(1e5));
  default: return /(a+)+b/.test("a".repeat(60));
}
"""
HOSTILE = [
    {
        "id": "attack",
        "type": "code",
        "forEach": "${{ Array.from({length: 1000}) }}",
        "forEachConcurrency": AT_ONCE,
        "onError": "continue",
        "with": {"source": ATTACKS},
    },
]
AT_WORK = "SELECT count(*) FROM execution_steps WHERE step_id = 'attack' AND status = 'running'"


@dataclass(frozen=True, slots=True)
class Beside:
    """ms from the POST of each execution to its completion: alone, and beside hostile code."""

    alone: tuple[float, ...]
    hostile: tuple[float, ...]


def measure(ours: Ours, workflow_id: UUID, seconds: float) -> Beside:
    """Run executions at an even pace in one worker, then beside the attacks; raises Broken."""
    attacker = ours.neighbour("Hostile")
    attack = attacker.add_workflow("Attack", HOSTILE)
    ours.servers.empty()
    with ours.web() as port, ours.ready_worker():
        at_a_pace(ours, port, workflow_id, WARM_SECONDS)
        alone = took(ours, at_a_pace(ours, port, workflow_id, seconds))
        attacker.backlog(attack, 1)
        wait_for(lambda: ours.servers.ask(AT_WORK) == [(1,)], "the attack's start", LIMIT_SECONDS)
        time.sleep(SETTLE_SECONDS)
        hostile = took(ours, at_a_pace(ours, port, workflow_id, seconds))
        if ours.servers.ask(AT_WORK) != [(1,)]:
            raise Broken("the attack ended before it was measured")
    return Beside(tuple(alone), tuple(hostile))

"""Chaos: thousands of executions under random faults; `python -m tests.faults.chaos --seed N` repeats one."""

import argparse
import random
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.mischief import FAULTS, Mischief
from tests.faults.stand import Stand, standing
from tests.faults.traffic import Customer, percentile
from tests.faults.verdict import Expected, Verdict, digest, judge, unfinished

Json = Any
LEASE_SECONDS = 3
RECOVERY_SECONDS = 60
CALLERS = 8
CREW = {
    "LEASE_SECONDS": str(LEASE_SECONDS),
    "WORKER_CONCURRENCY": "50",
    # Nothing here is the fault of an execution: however often its workers die, it has to complete.
    "MAX_TAKEOVERS": "100",
}


@dataclass
class Plan:
    """What one run does."""

    seconds: float
    executions: int
    seed: int
    faults: tuple[str, ...] = tuple(FAULTS)
    pause: tuple[float, float] = (0.2, 2.5)


@dataclass
class Story:
    """What happened in a run."""

    plan: Plan
    verdict: Verdict
    faults: Counter[str] = field(default_factory=Counter)
    recovered_after: float = 0.0
    answers: list[float] = field(default_factory=list)
    diary: list[str] = field(default_factory=list)

    def told(self) -> str:
        """Write the report."""
        answers = ", ".join(f"p{p} {percentile(self.answers, p):.3f} s" for p in (50, 99, 100))
        lines = [
            f"seed {self.plan.seed}, {self.plan.seconds:g} s, {sum(self.faults.values())} faults",
            *(f"  {number:4} {name}" for name, number in self.faults.most_common()),
            *(f"{name}: {value}" for name, value in self.verdict.figures.items()),
            f"answers to triggers: {answers}",
            f"all ended {self.recovered_after:.1f} s after the last fault",
            f"violations: {len(self.verdict.faults)}",
            *(f"  {fault}" for fault in self.verdict.faults[:50]),
            *(self.diary if self.verdict.faults else ()),
        ]
        return "\n".join(lines)


def run(stand: Stand, plan: Plan) -> Story:
    """Start a crew, trigger under fire, let everything heal, and judge."""
    dice = random.Random(plan.seed)
    stand.ready("web", "worker", "worker", "clock", "clock", **CREW)
    customer = Customer(stand.of("web")[0].url, stand.caller())
    kinds = [customer.workflow(*steps(stand, middle), output=OUTPUT) for middle in MIDDLES]
    mischief = Mischief(stand, dice, LEASE_SECONDS)
    stop = threading.Event()
    with ThreadPoolExecutor(CALLERS) as callers:
        begun = time.monotonic()
        pace = plan.seconds * 0.9 / max(plan.executions, 1)
        calls = [
            callers.submit(call, customer, kinds, (plan.seed, number), begun + number * pace, stop)
            for number in range(plan.executions)
        ]
        try:
            while time.monotonic() < begun + plan.seconds:
                mischief.make(plan.faults)
                time.sleep(dice.uniform(*plan.pause))
            mischief.heal()
            healed = time.monotonic()
            for made in calls:
                made.result()
        except BaseException:
            stop.set()
            callers.shutdown(cancel_futures=True)
            raise
    await_end(stand, healed + RECOVERY_SECONDS)
    took = time.monotonic() - healed
    before = digest(stand)
    time.sleep(LEASE_SECONDS + 1)  # whoever still believes to own something would write it by now
    verdict = judge(stand, Expected(customer.accepted, customer.cancelled, effects=("first", "second")))
    if digest(stand) != before:
        verdict.faults.append("something that had ended was changed afterwards")
    return Story(plan, verdict, mischief.made, took, customer.seconds, mischief.diary)


def call(
    customer: Customer, kinds: list[str], which: tuple[int, int], due: float, stop: threading.Event
) -> None:
    """Trigger one execution when it is due, and cancel one in thirty a moment later."""
    dice = random.Random(f"{which}")
    if stop.wait(max(0.0, due - time.monotonic())):
        return
    execution_id = customer.trigger(dice.choice(kinds), {"n": which[1]}, stop)
    if dice.random() < 1 / 30:
        stop.wait(dice.uniform(0, 1))
        customer.cancel(execution_id, stop)


def await_end(stand: Stand, until: float) -> None:
    """Wait until nothing is left to be done."""
    while unfinished(stand) and time.monotonic() < until:
        time.sleep(0.2)


MIDDLES: tuple[dict[str, Json], ...] = (
    {"type": "code", "with": {"source": "return steps.shape.output.n"}},
    {"type": "wait", "with": {"seconds": 1}},
    {"type": "wait", "with": {"seconds": 4}},
    {"type": "transform", "forEach": "${{ [1, 2, 3] }}", "with": {"value": "${{ item }}"}},
)
OUTPUT = "${{ steps.last.output }}"


def steps(stand: Stand, middle: dict[str, Json]) -> list[dict[str, Json]]:
    """Write five steps with two effects; the output is the input."""
    url = stand.effects.url
    return [
        {"id": "first", "type": "http", "with": {"url": f"{url}/first?ms=150"}},
        {"id": "shape", "type": "transform", "with": {"value": {"n": "${{ input.n }}"}}},
        {"id": "middle", **middle},
        {"id": "second", "type": "http", "with": {"method": "POST", "url": f"{url}/second?ms=80", "json": 1}},
        {"id": "last", "type": "transform", "with": {"value": "${{ steps.shape.output }}"}},
    ]


def main() -> int:
    """Run as the command line asks; 1 when anything was violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1200)
    parser.add_argument("--executions", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--faults", nargs="*", default=list(FAULTS), choices=list(FAULTS), metavar="FAULT")
    parser.add_argument("--logs", type=Path, help="a folder that the logs of all processes are copied to")
    asked = parser.parse_args()
    plan = Plan(asked.seconds, asked.executions, asked.seed, tuple(asked.faults))
    print(f"seed {plan.seed}", flush=True)  # noqa: T201 -- a command's answer
    with standing(asked.logs) as stand:
        story = run(stand, plan)
    print(story.told(), flush=True)  # noqa: T201
    return 1 if story.verdict.faults else 0


if __name__ == "__main__":
    sys.exit(main())

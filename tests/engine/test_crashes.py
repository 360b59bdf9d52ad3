"""A crash at any commit point and a resume give the same steps and output."""

import json
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from app.settings import Settings
from tests.engine.crashes import Crash, work
from tests.store.place import Place, new_workflow

Json = Any
ITEMS = """
SELECT step_id, index, status::text, output, error FROM execution_step_items WHERE execution_id = %(id)s
ORDER BY step_id, index
"""
LOST = "UPDATE executions SET worker = NULL, lease_expires_at = NULL WHERE id = %(id)s AND status = 'running'"


@dataclass(frozen=True)
class Plan:
    """A random definition, and where workers die one after the other on the way through it."""

    definition: Json
    crashes: list[Crash]


def _value(needs: list[str]) -> Json:
    return {"n": "${{ input.n }}", "of": [f"${{{{ steps.{need}.output }}}}" for need in needs]}


def _reading(needs: list[str]) -> str:
    return ", ".join(["input.n", *(f"steps.{need}.output" for need in needs)])


def _work(kind: str, needs: list[str]) -> Json:
    """Give what a step of one kind does."""
    by_item = {"forEach": "${{ input.list }}"}
    works: dict[str, Json] = {
        "plain": {"with": {"value": _value(needs)}},
        "script": {"with": {"value": f"${{{{ JSON.stringify([{_reading(needs)}]) }}}}"}},
        "code": {"type": "code", "with": {"source": f"console.log(1); return [{_reading(needs)}]"}},
        "wait": {"type": "wait", "with": {"seconds": 0.01}},
        "fails": {"with": {"value": "${{ input.nothing.at }}"}},
        "items": by_item | {"with": {"value": ["${{ item.at }}", "${{ index }}"]}},
        "code items": by_item | {"type": "code", "with": {"source": "return item.at * 2"}},
    }
    return works[kind]


KINDS = ("plain", "script", "code", "wait", "fails", "items", "code items")
CONDITIONS = ("${{ input.yes }}", "${{ input.no }}", "${{ input.n > 1 }}")


@some.composite
def _step(draw: some.DrawFn, step_id: str, before: list[str], in_line: bool) -> Json:
    """Draw a step. What a failure aborts of steps at the same time is a matter of chance: they go on."""
    chosen = some.lists(some.sampled_from(before), unique=True) if before else some.just([])
    needs = before[-1:] if in_line else draw(chosen)
    step = {"id": step_id, "type": "transform", "needs": needs} | _work(draw(some.sampled_from(KINDS)), needs)
    if not in_line or draw(some.booleans()):
        step["onError"] = "continue"
    if draw(some.integers(0, 4)) == 0:
        step["if"] = draw(some.sampled_from(CONDITIONS))
    return step


@some.composite
def plans(draw: some.DrawFn) -> Plan:
    """Draw a small graph and one to three crashes."""
    in_line = draw(some.booleans())
    ids = [f"s{number}" for number in range(draw(some.integers(1, 5)))]
    steps = [draw(_step(step_id, ids[:at], in_line)) for at, step_id in enumerate(ids)]
    if draw(some.booleans()):
        run_on = draw(some.sampled_from(["always", "failure"]))
        steps.append(
            {"id": "last", "type": "code", "runOn": run_on, "with": {"source": "return steps.s0.status"}}
        )
    definition: dict[str, Json] = {"steps": steps}
    if draw(some.booleans()):
        definition["output"] = [f"${{{{ steps.{step_id}.status }}}}" for step_id in ids]
    crash = some.builds(Crash, some.integers(0, 12), some.booleans())
    return Plan(definition, draw(some.lists(crash, min_size=1, max_size=3)))


INPUT = {"n": 2, "yes": True, "no": False, "list": [{"at": 1}, {"at": 2}, {"at": 3}]}


def _record(place: Place, execution_id: UUID) -> str:
    """Write all that must not depend on a crash; only the moments at which waits ended may."""
    row, steps = place.row(execution_id), place.steps(execution_id)
    ends = [
        [step_id, one.status, one.attempt, one.error, one.items, one.output]
        for step_id, one in sorted(steps.items())
    ]
    items = [list(item) for item in place.sql(ITEMS, id=str(execution_id))]
    written = json.dumps(
        [row.status, row.reason, row.error, row.output, row.steps_done, ends, items], indent=1
    )
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "a moment", written)


@settings(
    max_examples=25,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(plan=plans())
def test_a_crash_at_any_commit_and_a_resume_give_the_same_steps_and_output(
    app: Flask, place: Place, settings: Settings, plan: Plan
) -> None:
    workflow_id = new_workflow(app, place.scope, plan.definition)
    steps_total = len(plan.definition["steps"])
    whole, broken = place.add(2, workflow_id=workflow_id, steps_total=steps_total, input=INPUT)
    work(place, settings, whole, "whole", None)

    for number, crash in enumerate([*plan.crashes, None]):
        work(place, settings, broken, f"w{number}", crash)
        place.sql(LOST, id=str(broken))

    assert place.row(whole).status in ("completed", "failed")
    assert _record(place, broken) == _record(place, whole)

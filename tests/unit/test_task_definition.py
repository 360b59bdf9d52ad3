"""Task steps in definitions: what is found when they are saved, and what when they run."""

from collections.abc import Iterator
from typing import Any

import pytest

from app import tasks
from app.engine.graph import compile_graph
from app.errors import InvalidDefinition
from app.steps.arguments import load_args
from app.steps.task import TaskStep
from app.tasks import task


@pytest.fixture(autouse=True)
def _own_registry() -> Iterator[None]:
    before = dict(tasks.TASKS)
    yield
    tasks.TASKS.clear()
    tasks.TASKS.update(before)


def charge(amount: int, token: str, lines: list[int] | None = None) -> None: ...


def faults_of(args: dict[str, Any]) -> list[tuple[str, str]]:
    task("charge")(charge)
    step = {"id": "pay", "type": "task", "with": args}
    try:
        compile_graph({"steps": [step]})
    except InvalidDefinition as refused:
        return [(fault.path, fault.message) for fault in refused.faults]
    return []


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "chrge"}, "steps[0].with.name", "did you mean charge?"),
    ({"args": {}}, "steps[0].with.name", "Is missing: give a text"),
    ({"name": "${{ secrets.A }}"}, "steps[0].with.name", "Secrets can only stand in fields of http"),
    ({"name": "charge", "args": []}, "steps[0].with.args", "Must be an object."),
    ({"name": "charge", "args": {"token": "t"}}, "steps[0].with.args.amount", "Is missing"),
    ({"name": "charge", "args": {"amount": "1", "token": "t"}}, "steps[0].with.args.amount", "whole number"),
    (
        {"name": "charge", "args": {"amount": "${{ input.a }} EUR", "token": "t"}},
        "steps[0].with.args.amount",
        "whole number",
    ),
    (
        {"name": "charge", "args": {"amount": "${{ secrets.A }}", "token": "t"}},
        "steps[0].with.args.amount",
        "whole number",
    ),
    (
        {"name": "charge", "args": {"amount": 1, "token": "t", "lines": [1, "${{ input.a }}", "x"]}},
        "steps[0].with.args.lines",
        "or null",
    ),
    (
        {"name": "charge", "args": {"amount": 1, "token": "t", "no": 1}},
        "steps[0].with.args.no",
        "takes amount",
    ),
]


@pytest.mark.parametrize(("args", "path", "message"), WRONG)
def test_wrong_arguments_are_found_when_the_definition_is_saved(
    args: dict[str, Any], path: str, message: str
) -> None:
    [(found, said)] = faults_of(args)

    assert found == path
    assert message in said


@pytest.mark.parametrize(
    "args",
    [
        {"amount": "${{ input.amount }}", "token": "Bearer ${{ secrets.TOKEN }}"},
        {"amount": 1, "token": "${{ input.kind }}-token", "lines": ["${{ input.a }}", 2]},
        "${{ input }}",
    ],
)
def test_what_is_known_only_later_passes_when_the_definition_is_saved(args: Any) -> None:
    assert faults_of({"name": "charge", "args": args}) == []


def test_arguments_known_only_later_are_checked_when_the_step_runs() -> None:
    task("charge")(charge)
    args = {"amount": 1, "token": "t", "lines": "x"}

    with pytest.raises(Exception, match=r"with\.args\.lines: Must be a list"):
        load_args(TaskStep, {"name": "charge", "args": args})

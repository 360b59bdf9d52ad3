"""The board follows the running rule: it agrees with a plain model on random graphs."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.engine.board import Board
from app.engine.change import Key
from app.engine.graph import compile_graph
from app.engine.progress import Progress
from app.engine.runner import Walk
from app.states import StepStatus
from app.store.flushes import Settlement
from app.store.steps import LogLine, Recorded, StepRow
from tests.engine.rule import Ended, Plan, expected

NOBODY = UUID(int=1)
BROKEN = "${{ input.nobody.knows }}"


@st.composite
def plans(draw: Any) -> list[Plan]:
    """Draw a graph of up to eight steps in an order in which needs come first."""
    made: list[Plan] = []
    for number in range(draw(st.integers(1, 8))):
        run_on = draw(st.sampled_from(["success"] * 4 + ["failure", "always"]))
        before = [p.id for p in made if (p.run_on == "success") == (run_on == "success")]
        needs = draw(st.lists(st.sampled_from(before), unique=True, max_size=3)) if before else []
        fails, goes_on = draw(st.sampled_from([(False, False)] * 3 + [(True, True), (True, False)]))
        condition = draw(st.sampled_from([True, True, True, False]))
        made.append(Plan(f"s{number}", tuple(needs), fails, goes_on, condition, run_on))
    return made


def definition(graph: list[Plan]) -> dict[str, Any]:
    """Write the graph as a definition of pure steps."""
    steps = [
        {
            "id": plan.id,
            "type": "transform",
            "needs": list(plan.needs),
            "with": {"value": BROKEN if plan.fails else plan.id},
            "if": f"${{{{ input.{'yes' if plan.condition else 'no'} }}}}",
            "onError": "continue" if plan.goes_on else "fail",
            "runOn": plan.run_on,
        }
        for plan in graph
    ]
    return {"steps": steps}


class Notes:
    """What a walk of pure steps speaks to: it keeps what the walk wants written."""

    client = sandbox = None

    def __init__(self) -> None:
        self.ledger = self.time = self
        self.steps: dict[str, str] = {}
        self.ends: list[Settlement] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def write_step(self, key: Key, row: StepRow, done: int | None = None) -> None:
        self.steps[row.step_id] = row.status.value

    def write_log(self, key: Key, line: LogLine) -> None:
        raise AssertionError("a transform logs nothing")

    def settle(self, key: Key, end: Settlement, done: int) -> None:
        assert done == len(self.steps)
        self.ends.append(end)

    def cancel_children(self, key: Key, places: list[str]) -> None:
        assert not places

    def finished(self, walk: Walk) -> None:
        assert walk.finished


class Row:
    """A claimed row, as far as a walk of pure steps reads it."""

    id = workspace_id = NOBODY
    input = '{"yes": true, "no": false, "nobody": null}'
    trigger = None
    triggered_by = "api"
    created_at = started_at = datetime(2026, 1, 1, tzinfo=UTC)
    attempt = 1
    deadline_at = None
    max_execution_seconds = 86_400


def walked(graph: list[Plan]) -> tuple[Notes, list[Settlement]]:
    """Walk a graph to its end."""
    notes: Any = Notes()
    row: Any = Row()
    Walk(Key(NOBODY, NOBODY, 1, None), row, compile_graph(definition(graph)), notes, {}).begin(Recorded())
    return notes, notes.ends


@settings(max_examples=400, deadline=None)
@given(plans())
@example([Plan("a", ()), Plan("sorry", (), run_on="failure"), Plan("bye", ("sorry",), run_on="always")])
@example([Plan("a", ()), Plan("b", (), fails=True, run_on="always"), Plan("c", ("b",), run_on="always")])
@example([Plan("a", (), fails=True), Plan("b", ("a",)), Plan("c", (), run_on="failure")])
def test_a_walk_ends_as_the_rule_says(graph: list[Plan]) -> None:
    rule = expected(graph)

    notes, ends = walked(graph)

    assert notes.steps == rule.statuses
    assert [end.status.value for end in ends] == ["failed" if rule.failed_step else "completed"]
    if rule.failed_step:
        assert f"'{rule.failed_step}'" in (ends[0].error or "")


def end(progress: Progress, plan: Plan, board: Board) -> None:
    """End a step on the board as its plan says."""
    status = StepStatus.FAILED if plan.fails else StepStatus.COMPLETED
    if board.in_vain(progress) or not plan.condition:
        status = StepStatus.SKIPPED
    progress.unit.end(status, Row.created_at, "no" if status is StepStatus.FAILED else None)
    board.note_end(progress)


def finish_by_hand(board: Board, graph: list[Plan], draw: Any) -> None:
    """End ready steps one at a time in any order, until nothing more can happen."""
    by_id = {plan.id: plan for plan in graph}
    while True:
        ready = board.ready()
        if ready:
            progress = draw(st.sampled_from(ready))
            end(progress, by_id[progress.step.id], board)
        elif board.last_phase:
            return
        else:
            board.last_phase = True


def statuses(board: Board) -> dict[str, str]:
    """Give the steps that ended."""
    return {i: progress.status.value for i, progress in board.steps.items() if progress.ended}


@settings(max_examples=200, deadline=None)
@given(plans().filter(lambda graph: not any(p.fails and not p.goes_on for p in graph)), st.data())
def test_without_a_failure_the_order_of_ends_makes_no_difference(graph: list[Plan], data: Any) -> None:
    board = Board(compile_graph(definition(graph)))

    finish_by_hand(board, graph, data.draw)

    assert Ended(statuses(board)) == expected(graph)


@settings(max_examples=200, deadline=None)
@given(plans(), st.data())
def test_no_step_begins_before_its_needs_or_after_a_failure(graph: list[Plan], data: Any) -> None:
    board = Board(compile_graph(definition(graph)))
    by_id = {plan.id: plan for plan in graph}
    failed = False
    while not board.last_phase:
        ready = board.ready()
        assert not (failed and ready)
        assert all(board.steps[n].ended for p in ready for n in p.step.needs)
        assert all(by_id[p.step.id].run_on == "success" for p in ready)
        if not ready:
            board.last_phase = True
            continue
        progress = data.draw(st.sampled_from(ready))
        end(progress, by_id[progress.step.id], board)
        failed = board.failed is not None


@settings(max_examples=200, deadline=None)
@given(plans(), st.data())
def test_a_walk_taken_up_in_the_middle_ends_the_same(graph: list[Plan], data: Any) -> None:
    whole = Board(compile_graph(definition(graph)))
    by_id = {plan.id: plan for plan in graph}
    recorded = []
    for _ in range(data.draw(st.integers(0, 4))):
        if ready := whole.ready():
            end(ready[0], by_id[ready[0].step.id], whole)
            recorded.append(ready[0].row())
    notes: Any = Notes()
    notes.steps = {row.step_id: row.status.value for row in recorded}
    row: Any = Row()

    Walk(Key(NOBODY, NOBODY, 2, None), row, compile_graph(definition(graph)), notes, {}).begin(
        Recorded(recorded)
    )

    rule = expected(graph)
    assert [end.status.value for end in notes.ends] == ["failed" if rule.failed_step else "completed"]
    if rule.failed_step is None:
        assert notes.steps == rule.statuses

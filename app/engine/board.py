"""The board: how far the steps of one execution are, and the running rule that says which may begin."""

from typing import Any

from app.engine.graph import Graph
from app.engine.progress import Progress
from app.states import StepStatus
from app.store.steps import Recorded
from app.strictjson import loads_stored

Json = Any
NOT_RUN: dict[str, Json] = {"output": None, "status": StepStatus.SKIPPED.value, "error": None}


class Board:
    """The steps of one execution.

    The running rule: a step whose needs have all ended begins when at least one of them counts as completed,
    or it has none; else it is skipped. A step that fails for good, or a time-out, fails the execution:
    nothing more begins. Steps with `runOn` come after all others have ended, as long as their own time is not
    up; their needs only order them among themselves.
    """

    def __init__(self, graph: Graph) -> None:
        self.steps = {step.id: Progress(step) for step in graph.steps}
        self.outputs: dict[str, dict[str, Json]] = dict.fromkeys(self.steps, NOT_RUN)
        self.failed: Progress | None = None
        self.timed_out = False
        self.spent = False
        self.last_phase = False
        self.done = 0
        self._open = list(self.steps.values())

    def restore(self, recorded: Recorded) -> None:
        """Take over the steps and items that were recorded before a crash or a wait."""
        for row in recorded.steps:
            if row.step_id in self.steps:
                self.steps[row.step_id].restore(row)
        for row in recorded.items:
            if row.step_id in self.steps:
                self.steps[row.step_id].recorded_items[row.index] = row
        for progress in self.steps.values():
            if progress.ended:
                self.note_end(progress)

    def ready(self) -> list[Progress]:
        """List the steps whose turn it is now, in the definition's order."""
        wanted = self._wanted()
        return [
            p
            for p in self._open
            if not p.begun and p.step.run_on in wanted and (not p.step.needs or self._needs_ended(p, wanted))
        ]

    def is_next(self, progress: Progress) -> bool:
        """Tell whether a step that was ready may still begin: no other has failed in between."""
        return self.last_phase or not self._over

    def in_vain(self, progress: Progress) -> bool:
        """Tell whether a step is to be skipped because none of its needs counts as completed."""
        needs = () if self.last_phase else progress.step.needs
        return bool(needs) and not any(self.steps[need].counts_as_completed for need in needs)

    def note_end(self, progress: Progress) -> bool:
        """Show a step's result to later expressions; tell whether its failure stops the others."""
        completed = progress.status is StepStatus.COMPLETED
        self.done += 1
        self._open.remove(progress)
        self.outputs[progress.step.id] = {
            "output": loads_stored(progress.unit.output) if completed and progress.unit.output else None,
            "status": progress.status.value,
            "error": progress.unit.error,
        }
        if (
            progress.status is not StepStatus.FAILED
            or progress.counts_as_completed
            or self.failed is not None
        ):
            return False
        self.failed = progress
        return not self.last_phase

    def note_time_out(self, *, spent: bool = False) -> None:
        """Fail the execution for its time, unless it has failed for one of the steps before `runOn`.

        With `spent` the time of those with `runOn` is up as well: nothing begins any more.
        """
        self.spent = spent
        if self.failed is None or self.failed.step.run_on != "success":
            self.timed_out = True

    @property
    def _over(self) -> bool:
        """Tell whether the execution has failed."""
        return self.timed_out or self.failed is not None

    @property
    def in_flight(self) -> list[Progress]:
        """List the steps that have begun and not ended."""
        begun = (StepStatus.RUNNING, StepStatus.WAITING)
        return [p for p in self._open if p.begun or p.status in begun]

    @property
    def last_output(self) -> str | None:
        """Give the output of the last listed step that completed, as JSON text."""
        done = [p for p in self.steps.values() if p.status is StepStatus.COMPLETED]
        return done[-1].unit.output if done else None

    def _wanted(self) -> tuple[str, ...]:
        """Say which `runOn` the steps have that may begin now."""
        if self.spent:
            return ()
        if self.last_phase:
            return ("always", "failure") if self._over else ("always",)
        return () if self._over else ("success",)

    def _needs_ended(self, progress: Progress, wanted: tuple[str, ...]) -> bool:
        """Tell whether no need is still to end; one that is not wanted at all never will."""
        needs = (self.steps[need] for need in progress.step.needs)
        return all(need.ended or need.step.run_on not in wanted for need in needs)

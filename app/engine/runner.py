"""Walks the graph of one execution: begins its steps, hears of their ends, and settles the execution."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Row

from app import log
from app.clock import rfc3339
from app.engine.attempts import pure, run_unit
from app.engine.board import Board
from app.engine.change import Key
from app.engine.deadline import Deadline
from app.engine.graph import Graph
from app.engine.items import run_items
from app.engine.paths import ExpressionFailed
from app.engine.programs import SKIP, StepProgram
from app.engine.progress import Progress
from app.engine.rest import awaited_children, rest_of
from app.engine.stored import Unstorable, sentence, stored_output
from app.engine.workplace import Desk, Interrupted, Workplace
from app.states import Reason, Status, StepStatus
from app.steps.base import Done, Failed, Outcome
from app.store.flushes import Settlement, Suspension
from app.store.steps import Recorded
from app.strictjson import loads_stored

logger = log.get(__name__)
Json = Any


class Owner(Protocol):
    """Whose walks these are."""

    def finished(self, walk: "Walk") -> None:
        """Hear that a walk needs its slot no longer."""

    def suspended(self, walk: "Walk", until: datetime | None) -> None:
        """Hear that a walk has given its execution up until a time, or until there is news."""


class AtDesk(Desk, Owner, Protocol):
    """The desk as a walk sees it."""


class Walk:
    """One execution on its way through its graph."""

    def __init__(self, key: Key, row: Row[Any], graph: Graph, desk: AtDesk, secrets: dict[str, str]) -> None:
        self.key = key
        self.desk = desk
        self.finished = False
        self._graph = graph
        self._board = Board(graph)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._draining = False
        scope: dict[str, Json] = {
            "input": loads_stored(row.input),
            "steps": self._board.outputs,
            "execution": {
                "id": str(row.id),
                "createdAt": rfc3339(row.created_at),
                "triggeredBy": row.triggered_by,
                "attempt": row.attempt,
            },
            "trigger": loads_stored(row.trigger) if row.trigger else None,
        }
        self._place = Workplace(key, desk, scope, secrets, self._rest)
        limit = min(graph.timeout_seconds or row.max_execution_seconds, row.max_execution_seconds)
        self._deadline = Deadline(limit, row.started_at, row.deadline_at, self._place.now, self._time_out)

    # -- life --

    def begin(self, recorded: Recorded) -> None:
        """Start walking, from the beginning or after the steps and items that were recorded before."""
        self._board.restore(recorded)
        if self._deadline.over:
            self._time_out()
        else:
            self._advance()
        if not self.finished:
            self._deadline.arm()

    def cancel(self) -> None:
        """Stop at once: abort what is in flight and let the flag in the row decide the end."""
        if not self.finished:
            self._stop()
            self.desk.ledger.settle_cancelled(self.key)

    def abandon(self) -> None:
        """Stop at once and write nothing: the execution belongs to somebody else by now."""
        if not self.finished:
            self._stop()

    def fail(self, why: str) -> None:
        """End the execution for a fault that is not its own."""
        if not self.finished:
            self._settle(Settlement(Status.FAILED, Reason.STEP_FAILED, error=why))

    def drain(self) -> None:
        """Begin no more steps; hand the execution back once those in flight have ended."""
        self._draining = True
        if not self._place.at_work and not self.finished:
            self.hand_back()

    def hand_back(self) -> None:
        """Abort what is in flight and give the execution up for another worker to go on with."""
        if not self.finished:
            self._stop()
            self.desk.ledger.hand_back(self.key)

    def _stop(self) -> None:
        self.finished = self._place.closed = True
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        self._deadline.stop()
        self.desk.finished(self)

    def _time_out(self) -> None:
        """Fail, as the limit says; steps with `runOn` still begin and go on until their time is up, too."""
        self._board.note_time_out(spent=self._deadline.spent)
        if (output := self._tasks.pop("", None)) is not None:
            output.cancel()
        self._abort_in_flight()
        self._advance()

    # -- from step to step --

    def _advance(self) -> None:
        """Begin or skip every step whose turn it is, until nothing more can happen now."""
        while self._may_begin() and (self._begin_ready() or self._reach_last_phase()):
            pass
        if self.finished:
            return
        if self._tasks:
            self._place.consider_rest()
        elif self._draining and self._board.done < len(self._board.steps):
            self.hand_back()
        else:
            self._conclude()

    def _may_begin(self) -> bool:
        return not (self.finished or self._draining)

    def _begin_ready(self) -> bool:
        """Begin or skip the steps that are ready; tell whether there were any."""
        ready = self._board.ready()
        for progress in ready:
            if self._board.is_next(progress):
                self._begin(progress)
        return bool(ready)

    def _reach_last_phase(self) -> bool:
        """Go on to the steps with `runOn` once all others have ended."""
        if self._tasks or self._board.last_phase:
            return False
        self._board.last_phase = True
        return True

    def _begin(self, progress: Progress) -> None:
        """Begin a step, or skip it when all its needs were in vain."""
        step = progress.step
        if self._board.in_vain(progress):
            self._end(progress, StepStatus.SKIPPED)
        elif step.for_each is None and step.program.plain and not step.kind.effect:
            self._finish(progress, pure(self._place, progress, progress.unit, self._place.scope))
        else:
            progress.begun = True
            self._tasks[step.id] = asyncio.get_running_loop().create_task(self._run(progress))

    async def _run(self, progress: Progress) -> None:
        """Run a step with effects, with items, or with expressions that need the sandbox."""
        try:
            if progress.step.for_each is not None:
                outcome = await run_items(self._place, progress)
            else:
                outcome = await run_unit(self._place, progress, progress.unit, self._place.scope)
        except (Interrupted, asyncio.CancelledError):
            return
        except Exception:
            logger.exception("a step could not be run", execution=str(self.key.id), step=progress.step.id)
            outcome = Failed("The step failed for a reason of the service's own; its log tells more")
        if self._tasks.pop(progress.step.id, None) is None or self.finished:
            return
        self._finish(progress, outcome)
        self._advance()

    def _finish(self, progress: Progress, outcome: Outcome | object) -> None:
        """Translate an outcome into the step's end."""
        if outcome is SKIP:
            self._end(progress, StepStatus.SKIPPED)
            return
        if isinstance(outcome, Done):
            try:
                progress.unit.output = self._place.mask.json(stored_output(outcome.output))
            except Unstorable as error:
                outcome = Failed(str(error))
            else:
                self._end(progress, StepStatus.COMPLETED, outcome.note)
                return
        progress.unit.reason = getattr(outcome, "reason", None)
        self._end(progress, StepStatus.FAILED, getattr(outcome, "error", "The step gave no outcome"))

    def _end(self, progress: Progress, status: StepStatus, error: str | None = None) -> None:
        """Record a step's end; a failure for good aborts what is in flight."""
        progress.unit.end(
            status, self._place.now(), None if error is None else sentence(self._place.mask(error))
        )
        self._place.close_log(progress.step)
        stops = self._board.note_end(progress)
        self.desk.ledger.write_step(self.key, progress.row(), self._board.done)
        if stops:
            self._abort_in_flight()

    def _abort_in_flight(self) -> None:
        """Cancel what has begun, and the children that it waits for; steps with `runOn` have time."""
        aborted = [p for p in self._board.in_flight if p.step.run_on == "success" or self._board.spent]
        orphans = awaited_children(aborted)
        for progress in aborted:
            task = self._tasks.pop(progress.step.id, None)
            if task is not None:
                task.cancel()
            self._place.abort_items(progress)
            self._end(progress, StepStatus.CANCELLED)
        self.desk.ledger.cancel_children(self.key, orphans)

    # -- the end --

    def _conclude(self) -> None:
        """End the execution: as its failed step says, or with its output."""
        failed, program = self._board.failed, self._graph.output
        if self._board.timed_out:
            error = self._deadline.told(spent=self._board.spent)
            self._settle(Settlement(Status.FAILED, Reason.TIMEOUT, error=error))
        elif failed is not None:
            title = failed.step.name or failed.step.id
            error = sentence(f"The step {title!r} failed: {failed.unit.error}")
            reason = failed.unit.reason or Reason.STEP_FAILED
            self._settle(Settlement(Status.FAILED, reason, error=error))
        elif program is None:
            self._settle(Settlement(Status.COMPLETED, output=self._board.last_output))
        elif program.plain:
            self._settle_with(lambda: program.resolve(self._place.scope))
        else:
            self._tasks[""] = asyncio.get_running_loop().create_task(self._evaluate_output(program))

    async def _evaluate_output(self, program: StepProgram) -> None:
        try:
            value = await program.evaluate(self._place.scope, self.desk.sandbox, self.key.workspace_id)
        except ExpressionFailed as error:
            value = error
        if self._tasks.pop("", None) is not None and not self.finished:
            self._settle_with(lambda: value)

    def _settle_with(self, value_of: Callable[[], Json]) -> None:
        """Complete the execution with an output, or fail it if there is none to be had."""
        try:
            value = value_of()
            if isinstance(value, ExpressionFailed):
                raise value
            self._settle(Settlement(Status.COMPLETED, output=self._place.mask.json(stored_output(value))))
        except (ExpressionFailed, Unstorable) as error:
            text = sentence(self._place.mask(f"The output of the workflow failed: {error}"))
            self._settle(Settlement(Status.FAILED, Reason.STEP_FAILED, error=text))

    def _settle(self, end: Settlement) -> None:
        self._stop()
        self.desk.ledger.settle(self.key, end, self._board.done)

    # -- rest: while all units wait, the execution needs no slot --

    def _rest(self) -> None:
        """Suspend the execution if everything in it waits, and for long enough."""
        if not self._place.resting:
            return
        if self._draining:
            self.hand_back()
            return
        rest = rest_of(self._board.in_flight, self._place.now())
        if rest.nap is not None:
            self._deadline.excuse(rest.nap)
            return
        self._stop()
        self.desk.ledger.suspend(self.key, Suspension(rest.until, self._deadline.at, rest.places))
        self.desk.suspended(self, rest.until)

"""Walks the graph of one execution: begins its steps, hears of their ends, and settles the execution."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from sqlalchemy import Row

from app.clock import rfc3339
from app.engine.attempts import Interrupted, attempt_step
from app.engine.board import Board
from app.engine.change import Fate, Key
from app.engine.graph import Graph, Step
from app.engine.ledger import Ledger
from app.engine.paths import ExpressionFailed
from app.engine.programs import SKIP, StepProgram
from app.engine.progress import Progress, Unstorable, sentence, stored_output
from app.engine.sandbox import Sandbox
from app.states import Reason, Status, StepStatus
from app.steps.arguments import BadArguments, load_args
from app.steps.base import Call, Done, Failed, Outcome
from app.steps.client import HttpClient
from app.store.flushes import Settlement
from app.store.steps import LogLine
from app.strictjson import loads_stored

Json = Any


class Desk(Protocol):
    """What a walk works with; one a worker process."""

    ledger: Ledger
    client: HttpClient
    sandbox: Sandbox

    def finished(self, walk: "Walk") -> None:
        """Hear that a walk needs its slot no longer."""


class Walk:
    """One execution on its way through its graph."""

    def __init__(self, key: Key, row: Row[Any], graph: Graph, desk: Desk) -> None:
        self.key = key
        self.desk = desk
        self.finished = False
        self._row = row
        self._graph = graph
        self._board = Board(graph)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._draining = False
        self.scope: dict[str, Json] = {
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

    # -- life --

    def begin(self, recorded: list[Any]) -> None:
        """Start walking, from the beginning or after the steps that were recorded before."""
        self._board.restore(recorded)
        self._set_deadline()
        self._advance()

    def cancel(self) -> None:
        """Stop at once: abort what is in flight and let the flag in the row decide the end."""
        if not self.finished:
            self._stop()
            self.desk.ledger.settle_cancelled(self.key)

    def abandon(self) -> None:
        """Stop at once and write nothing: the execution belongs to somebody else by now."""
        if not self.finished:
            self._stop()

    def drain(self) -> None:
        """Begin no more steps; hand the execution back once those in flight have ended."""
        self._draining = True
        if not self._tasks and not self.finished:
            self.hand_back()

    def hand_back(self) -> None:
        """Abort what is in flight and give the execution up for another worker to go on with."""
        if not self.finished:
            self._stop()
            self.desk.ledger.hand_back(self.key)

    def _stop(self) -> None:
        self.finished = True
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        if self._timer is not None:
            self._timer.cancel()
        self.desk.finished(self)

    def _set_deadline(self) -> None:
        limit = self._graph.timeout_seconds
        if limit is None:
            return
        spent = (self.desk.ledger.time.now() - self._row.started_at).total_seconds()
        self._timer = asyncio.get_running_loop().call_later(max(0.0, limit - spent), self._time_out, limit)

    def _time_out(self, limit: float) -> None:
        self._abort_in_flight()
        error = f"The execution ran longer than its limit of {limit:g} s"
        self._settle(Settlement(Status.FAILED, Reason.TIMEOUT, error=error))

    # -- from step to step --

    def _advance(self) -> None:
        """Begin or skip every step whose turn it is, until nothing more can happen now."""
        while self._may_begin() and (self._begin_ready() or self._reach_last_phase()):
            pass
        if self.finished or self._tasks:
            return
        if self._draining and self._board.done < len(self._board.steps):
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
        elif step.program.plain and not step.kind.effect:
            self._run_pure(progress)
        else:
            progress.status = StepStatus.RUNNING
            self._tasks[step.id] = asyncio.get_running_loop().create_task(self._run(progress))

    def _run_pure(self, progress: Progress) -> None:
        """Run a step without effects here and now; it is recorded with the next flush."""
        step = progress.step
        progress.begin(self.desk.ledger.time.now())
        try:
            args = step.program.resolve(self.scope)
            if args is SKIP:
                self._end(progress, StepStatus.SKIPPED)
                return
            progress.input = stored_output(args)
            outcome: Any = step.kind.run(self.call(step, load_args(step.kind.schema, args)))
        except (ExpressionFailed, Unstorable, BadArguments) as error:
            outcome = Failed(str(error))
        self._finish(progress, outcome)

    async def _run(self, progress: Progress) -> None:
        """Run a step with effects, or one whose expressions need the sandbox."""
        try:
            outcome = await attempt_step(self, progress)
        except (Interrupted, asyncio.CancelledError):
            return
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
                progress.output = stored_output(outcome.output)
            except Unstorable as error:
                outcome = Failed(str(error))
            else:
                self._end(progress, StepStatus.COMPLETED)
                return
        self._end(progress, StepStatus.FAILED, getattr(outcome, "error", "The step gave no outcome"))

    def _end(self, progress: Progress, status: StepStatus, error: str | None = None) -> None:
        """Record a step's end; a failure for good aborts what is in flight."""
        progress.end(status, self.desk.ledger.time.now(), None if error is None else sentence(error))
        stops = self._board.note_end(progress)
        self.desk.ledger.write_step(self.key, progress.row(), self._board.done)
        if stops:
            self._abort_in_flight()

    def _abort_in_flight(self) -> None:
        for progress in self._board.in_flight:
            task = self._tasks.pop(progress.step.id, None)
            if task is not None:
                task.cancel()
            self._end(progress, StepStatus.CANCELLED)

    # -- the end --

    def _conclude(self) -> None:
        """End the execution: as its failed step says, or with its output."""
        failed, program = self._board.failed, self._graph.output
        if failed is not None:
            title = failed.step.name or failed.step.id
            error = sentence(f"The step {title!r} failed: {failed.error}")
            self._settle(Settlement(Status.FAILED, Reason.STEP_FAILED, error=error))
        elif program is None:
            self._settle(Settlement(Status.COMPLETED, output=self._board.last_output))
        elif program.plain:
            self._settle_with(lambda: program.resolve(self.scope))
        else:
            self._tasks[""] = asyncio.get_running_loop().create_task(self._evaluate_output(program))

    async def _evaluate_output(self, program: StepProgram) -> None:
        try:
            value = await program.evaluate(self.scope, self.desk.sandbox, self.key.workspace_id)
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
            self._settle(Settlement(Status.COMPLETED, output=stored_output(value)))
        except (ExpressionFailed, Unstorable) as error:
            text = sentence(f"The output of the workflow failed: {error}")
            self._settle(Settlement(Status.FAILED, Reason.STEP_FAILED, error=text))

    def _settle(self, end: Settlement) -> None:
        self._stop()
        self.desk.ledger.settle(self.key, end, self._board.done)

    # -- for the attempts of its steps --

    async def durable(self, progress: Progress) -> None:
        """Record a step and wait for the commit; raises Interrupted when we no longer own the execution."""
        self.desk.ledger.write_step(self.key, progress.row())
        if await self.desk.ledger.durable(self.key) is not Fate.OURS or self.finished:
            raise Interrupted

    def call(self, step: Step, args: Json) -> Call:
        """Make the call of one attempt."""

        def log(level: str, message: str) -> None:
            line = LogLine(step.id, self.desk.ledger.time.now(), level, sentence(message))
            self.desk.ledger.write_log(self.key, line)

        return Call(args=args, key=f"{self.key.id}:{step.id}", client=self.desk.client, log=log)

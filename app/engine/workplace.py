"""What the units of one execution work with: records, commits, calls and waits."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from app.engine.change import Fate, Key
from app.engine.graph import Step
from app.engine.ledger import Ledger
from app.engine.masking import NO_SECRETS, Masker
from app.engine.progress import Progress, Unit
from app.engine.sandbox import Body, Sandbox, SandboxFailed
from app.engine.step_log import StepLog
from app.engine.stored import storable
from app.states import StepStatus
from app.steps.base import Call, Done, Failed, Outcome
from app.steps.client import HttpClient
from app.store.children import Parent
from app.store.steps import LogLine

Json = Any
Log = Callable[[str, str], None]
CODE_MEBIBYTES = 128


class Interrupted(Exception):
    """The execution was cancelled, or belongs to another worker, while its step was under way."""


class Desk(Protocol):
    """The worker process: one for all its executions."""

    worker: str
    ledger: Ledger
    client: HttpClient
    sandbox: Sandbox

    def sure(self) -> Awaitable[None]:
        """Wait until no lease can have run out unseen."""

    def ask(self, question: Callable[..., Any], *given: object) -> Awaitable[Any]:
        """Ask the database something in a thread."""

    def start_child(self, parent: Parent, place: str, workflow_id: UUID, input: Json) -> Awaitable[Any]:
        """Make a child execution and send its ticket; gives its row, or why there is none."""


class Workplace:
    """One execution's place at the desk.

    It counts the units at work and those that are parked: when all are parked, `on_rest` hears of it.
    """

    def __init__(
        self,
        key: Key,
        desk: Desk,
        scope: dict[str, Json],
        secrets: dict[str, str],
        on_rest: Callable[[], None],
    ) -> None:
        self.key = key
        self.desk = desk
        self.scope = scope
        self.mask = Masker(secrets.values()) if secrets else NO_SECRETS
        self.closed = False
        self.at_work = 0
        self.parked: dict[int, Unit] = {}
        self._secrets = secrets
        self._on_rest = on_rest
        self._logs: dict[str, StepLog] = {}

    def now(self) -> datetime:
        """Give the database's time."""
        return self.desk.ledger.time.now()

    # -- records --

    def record(self, progress: Progress, unit: Unit | None = None) -> None:
        """Note the latest state of a step, and of the item that changed."""
        if unit is not None and unit.index is not None:
            self.desk.ledger.write_item(self.key, unit.item_row(progress.step.id))
        self.desk.ledger.write_step(self.key, progress.row())

    def abort_items(self, progress: Progress) -> list[Unit]:
        """Cancel the items in flight of a forEach; gives them."""
        aborted = progress.abort_items(self.now())
        for unit in aborted:
            self.record(progress, unit)
        return aborted

    async def durable(self, progress: Progress, unit: Unit) -> None:
        """Record a unit and wait for the commit; raises Interrupted when we no longer own the execution."""
        self.record(progress, unit)
        fate = await self.desk.ledger.durable(self.key)
        await self.desk.sure()
        if fate is not Fate.OURS or self.closed:
            raise Interrupted

    def close_log(self, step: Step) -> None:
        """Write the rest of the log of a step that ends."""
        if (log := self._logs.pop(step.id, None)) is not None:
            log.close()

    def _log_of(self, step: Step) -> StepLog:
        if step.id not in self._logs:
            self._logs[step.id] = StepLog(lambda line: self.desk.ledger.write_log(self.key, line))
        return self._logs[step.id]

    # -- waits --

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count a unit that is at work."""
        self.at_work += 1
        try:
            yield
        finally:
            self.at_work -= 1

    async def park(
        self, progress: Progress, unit: Unit, until: datetime | None, at_most: float | None = None
    ) -> None:
        """Wait until a time, or for `at_most` seconds; the execution may be suspended meanwhile."""
        if unit.status is not StepStatus.WAITING or unit.wake_at != until:
            unit.wait(until)
            self.record(progress, unit)
        seconds = [] if until is None else [max(0.0, (until - self.now()).total_seconds())]
        self.at_work -= 1
        self.parked[id(unit)] = unit
        self.consider_rest()
        try:
            await asyncio.sleep(min(seconds if at_most is None else [*seconds, at_most]))
        finally:
            self.parked.pop(id(unit), None)
            self.at_work += 1

    def consider_rest(self) -> None:
        """Let it be known when everything waits."""
        if self.resting:
            asyncio.get_running_loop().call_soon(self._on_rest)

    @property
    def resting(self) -> bool:
        """Tell whether there are units, and all of them wait."""
        return not self.closed and not self.at_work and bool(self.parked)

    # -- calls --

    def call(self, progress: Progress, unit: Unit, args: Json, scope: dict[str, Json]) -> Call:
        """Make the call of one attempt; `scope` is what code may read."""
        step = progress.step
        place = step.id if unit.index is None else f"{step.id}:{unit.index}"

        def log(level: str, message: str) -> None:
            self._log_of(step).add(LogLine(step.id, self.now(), level, storable(self.mask(message))))

        async def run_code(source: str) -> Outcome:
            body = Body(source, step.program.values(scope))
            return await self._run_code(step, body, log)

        secrets = {name: self._secrets[name] for name in step.secrets if name in self._secrets}
        key = f"{self.key.id}:{place}"
        return Call(args, key, self.desk.client, log, secrets, run_code, self.now, self.mask)

    async def _run_code(self, step: Step, body: Body, log: Log) -> Outcome:
        try:
            reply = await self.desk.sandbox.evaluate(
                self.key.workspace_id, body, seconds=step.timeout_seconds, mebibytes=CODE_MEBIBYTES, log=log
            )
        except SandboxFailed as error:
            return Failed(str(error))
        if reply.error is not None:
            return Failed(_told(reply.error, body.source))
        return Done(reply.values[0] if reply.values else None)


def _told(error: dict[str, Any], source: str) -> str:
    """Say what the code threw and, if it has several lines, in which."""
    line, lines = error.get("line"), source.count("\n") + 1
    place = f" (line {line})" if isinstance(line, int) and 0 < line <= lines and lines > 1 else ""
    return f"{error['message']}{place}"

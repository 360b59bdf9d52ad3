"""The desk of a worker process: its slots, the walks in them, and their leases."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Row

from app import log
from app.crypto import Keyring
from app.engine.alarms import Alarms
from app.engine.change import Fate, Key
from app.engine.flush import Flusher, Report
from app.engine.graph import Graph
from app.engine.leases import Leases
from app.engine.ledger import Ledger
from app.engine.library import Library
from app.engine.probation import Probation
from app.engine.runner import Walk
from app.engine.sandbox import Sandbox
from app.engine.slots import PATIENCE_SECONDS, Slots
from app.errors import InvalidDefinition
from app.queue import Taken
from app.settings import Settings
from app.states import Reason, Status
from app.steps.addresses import AllowList
from app.steps.client import HttpClient
from app.store import executions
from app.store.children import Parent
from app.store.flushes import Settlement
from app.store.steps import Recorded

UNSETTLED_FACTOR = 5
UNSURE_SECONDS = 0.05
INTERNAL = "The execution failed for a reason of the service's own; its log tells more"

logger = log.get(__name__)


class Desk:
    """Runs up to `concurrency` executions in one event loop.

    What waits for its last commit needs no slot, but its number is bounded too.
    """

    def __init__(
        self, settings: Settings, engine: Engine, worker: str, clean_up: Callable[[Report, list[str]], None]
    ) -> None:
        self.worker = worker
        self.client = HttpClient(AllowList.parse(",".join(settings.http_allow_hosts)))
        self.sandbox = Sandbox(settings.sandbox_children)
        self.library = Library(engine, Keyring(settings.encryption_keys), self._send, self._held)
        self.stopping = False
        self.on_room: Callable[[], None] = lambda: None
        self.ended = 0
        self._concurrency = settings.worker_concurrency
        self._engine = engine
        self._clean_up = clean_up
        self._walks: dict[UUID, Walk] = {}
        self._coming: set[UUID] = set()
        self._slots = Slots(settings.worker_concurrency)
        self._alarms = Alarms(lambda: self.room, self.take)
        self._preparing: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="desk")
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._leases = Leases(engine, worker, settings.lease_seconds, self)
        self._probation = Probation(settings.max_takeovers)
        flusher = Flusher(engine, worker, settings.lease_seconds, lambda: self.stopping, self._probation)
        self.ledger = Ledger(flusher, self)

    # -- slots --

    @property
    def room(self) -> int:
        """Tell how many more jobs may be taken; any thread may ask.

        None while claims do not get through: others may have a database.
        """
        unsettled = UNSETTLED_FACTOR * self._concurrency - len(self._walks)
        return 0 if self.stopping or self.ledger.is_late else max(0, min(self._slots.room, unsettled))

    @property
    def busy(self) -> bool:
        """Tell whether anything is claimed or on its way."""
        return self._slots.taken > 0 or bool(self._walks)

    def take(self, jobs: list[Taken]) -> None:
        """Claim the executions of jobs; one that is ours, or about to be, is not claimed a second time."""
        fresh = [job for job in jobs if self._is_new(job.execution_id)]
        if len(fresh) < len(jobs):
            kept = {job.job_id for job in fresh}
            doubled = [job.job_id for job in jobs if job.job_id not in kept]
            self._threads.submit(self._clean_up, Report(), doubled)
        self._slots.reserve(len(fresh))
        self._quiet.clear()
        self.ledger.claim(fresh)

    def _is_new(self, execution_id: UUID) -> bool:
        walk = self._walks.get(execution_id)
        if (walk is not None and not walk.finished) or execution_id in self._coming:
            return False
        self._coming.add(execution_id)
        return True

    async def wait_until_quiet(self) -> None:
        """Wait until nothing is claimed or on its way."""
        await self._quiet.wait()

    # -- what the ledger tells --

    def claimed(self, job: Taken, row: Row[Any], recorded: Recorded) -> None:
        """Begin an execution that is ours now, or let it wait for a slot."""
        key = Key(row.id, row.workspace_id, row.claim_no, job.job_id, row.parent_id)
        self._slots.enter(key, lambda: self._start(key, row, recorded))

    def _start(self, key: Key, row: Row[Any], recorded: Recorded) -> None:
        graph = (
            None if row.workflow_id is None else self.library.known((row.workflow_id, row.workflow_version))
        )
        if graph is not None:
            self._begin(key, row, recorded, graph, {})
        else:
            self._preparing.add(task := asyncio.create_task(self._prepare(key, row, recorded)))
            task.add_done_callback(self._preparing.discard)

    def refused(self, job: Taken) -> None:
        """Free the slot of a job that came to nothing."""
        self._coming.discard(job.execution_id)
        self._slots.refuse()
        self._changed_room()

    def closed(self, key: Key) -> None:
        """Forget an execution that is settled, handed back or lost."""
        self._probation.end(key.id)
        walk = self._walks.get(key.id)
        if walk is not None and walk.key == key:
            walk.abandon()
            del self._walks[key.id]
            self.ended += 1
        self._changed_room()

    def disturbed(self, key: Key, fate: Fate) -> None:
        """Stop an execution that was flagged to be cancelled."""
        walk = self._walks.get(key.id)
        if walk is not None and walk.key == key:
            walk.cancel()

    def committed(self, report: Report, job_ids: list[str]) -> None:
        """Clean up in Redis after a commit; runs in a ledger thread."""
        self._clean_up(report, job_ids)

    def _send(self, row: Row[Any]) -> None:
        self._clean_up(Report(made=[row]), [])

    def _held(self, workspace_id: UUID) -> None:
        """Look again whether what was just put aside as held has a place by now."""
        self.ledger.fill_places([workspace_id])

    async def sure(self) -> None:
        """Wait until no lease can have run out unseen: after a freeze, losses are heard of first."""
        while not self._leases.sure:
            await asyncio.sleep(UNSURE_SECONDS)

    async def ask(self, question: Callable[..., Any], *given: object) -> Any:
        """Ask the database something in a thread."""
        return await self.library.ask(question, *given)

    async def start_child(self, parent: Parent, place: str, workflow_id: UUID, input: Any) -> Any:
        """Make a child execution and send its ticket; gives its row, or why there is none."""
        return await self.library.start_child(parent, place, workflow_id, input)

    def finished(self, walk: Walk) -> None:
        """Free the slot of a walk that has computed its end."""
        self._slots.leave()
        self._changed_room()

    def suspended(self, walk: Walk, until: datetime | None) -> None:
        """Wake a suspended execution in time, if that is soon."""
        if until is not None:
            self._alarms.set(walk.key, until - self.ledger.time.now())

    # -- beginning --

    async def _prepare(self, key: Key, row: Row[Any], recorded: Recorded) -> None:
        """Fetch what an execution needs, and begin it; it ends here when that cannot be."""
        try:
            await self._open(key, row, recorded)
        except Exception:
            logger.exception("an execution could not be begun", execution=str(key.id))
            self._fail(key, row, INTERNAL)

    async def _open(self, key: Key, row: Row[Any], recorded: Recorded) -> None:
        if row.workflow_id is None:
            self._fail(key, row, "The workflow was deleted before the execution could run")
            return
        book = await self.library.book((row.workflow_id, row.workflow_version))
        if book is None:
            self._fail(key, row, "The version of the workflow that this execution is bound to is gone")
        elif isinstance(book, InvalidDefinition):
            faults = "; ".join(f"{fault.path}: {fault.message}" for fault in book.faults[:3])
            self._fail(key, row, f"The definition is not valid any more: {faults or book.detail}")
        else:
            secrets = await self.library.secrets(key.workspace_id, book.secrets)
            self._begin(key, row, recorded, book, secrets)

    def _begin(
        self, key: Key, row: Row[Any], recorded: Recorded, graph: Graph, secrets: dict[str, str]
    ) -> None:
        walk = self._walks[key.id] = Walk(key, row, graph, self, secrets)
        self._coming.discard(key.id)
        if self.stopping:
            walk.hand_back()
            return
        try:
            walk.begin(recorded)
        except Exception:
            logger.exception("an execution could not be walked", execution=str(key.id))
            walk.fail(INTERNAL)

    def _fail(self, key: Key, row: Row[Any], why: str) -> None:
        """End an execution that cannot begin."""
        self._walks[key.id] = Walk(key, row, NO_STEPS, self, {})
        self._coming.discard(key.id)
        self._walks[key.id].abandon()
        self.ledger.settle(
            key, Settlement(Status.FAILED, Reason.INVALID_DEFINITION, error=why), row.steps_done
        )

    def _changed_room(self) -> None:
        self.on_room()
        if not self.busy:
            self._quiet.set()

    # -- leases and cancels --

    def stop_job(self, job_id: str) -> None:
        """Obey RQ's stop command: it means a cancel by the API, whose own ring it is, too."""
        for walk in self._walks.values():
            if job_id.startswith(str(walk.key.id)) and not walk.finished:
                flagged = asyncio.get_running_loop().run_in_executor(self._threads, self._flag, walk.key)
                flagged.add_done_callback(lambda _: self._leases.look_now())

    def _flag(self, key: Key) -> None:
        with self._engine.begin() as tx:
            executions.cancel_many(tx, key.workspace_id, [key.id], Reason.REQUESTED, None)

    async def keep_leases(self) -> None:
        """Renew leases, and obey cancels and losses; never ends."""
        await self._leases.keep()

    def held(self) -> list[Key]:
        """Name the executions whose work goes on."""
        return [walk.key for walk in self._walks.values() if not walk.finished]

    def lost(self, key: Key) -> None:
        """Give up an execution that belongs to us no more."""
        self.closed(key)

    def cancelled(self, key: Key) -> None:
        """Stop an execution that was flagged to be cancelled."""
        self.disturbed(key, Fate.CANCELLED)

    def looked(self) -> None:
        """Hand back what was claimed ahead and finds no slot here: another worker may have one."""
        self._hand_back_waiting(PATIENCE_SECONDS)

    def _hand_back_waiting(self, patience: float) -> None:
        for key in self._slots.impatient(patience):
            self._coming.discard(key.id)
            self.ledger.hand_back(key)

    # -- shutdown --

    async def stop(self, grace_seconds: float) -> None:
        """Take no more; let steps in flight end for the grace; hand the rest back; write everything."""
        self.stopping = True
        self._hand_back_waiting(0)
        for walk in list(self._walks.values()):
            walk.drain()
        try:
            await asyncio.wait_for(self._quiet.wait(), grace_seconds)
        except TimeoutError:
            for walk in list(self._walks.values()):
                walk.hand_back()
        await self.ledger.close()
        await self.client.close()
        await self.sandbox.close()
        self.library.close()
        self._leases.close()
        self._threads.shutdown(wait=False, cancel_futures=True)


NO_STEPS = Graph((), {}, None, None, None, None, warnings=[], secrets=frozenset())

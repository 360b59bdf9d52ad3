"""Changes as the walks of a worker make them, for tests of what writes them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Engine, event

from app.engine.change import Change, Key
from app.engine.flush import Flusher
from app.engine.probation import Probation
from app.queue import Taken
from app.states import Status, StepStatus
from app.store.flushes import Settlement
from app.store.steps import StepRow
from tests.store.place import Place

WORKER = "w1"
AT = datetime(2026, 1, 1, tzinfo=UTC)


def flusher(engine: Engine, worker: str = WORKER) -> Flusher:
    """Give a flusher that never stops trying."""
    return Flusher(engine, worker, 30, lambda: False, Probation(3))


def key_of(place: Place, execution_id: UUID, claim_no: int = 1) -> Key:
    """Name an execution as its worker owns it."""
    return Key(execution_id, place.scope.workspace_id, claim_no, f"{execution_id}-1")


def step_row(
    step_id: str = "one", status: StepStatus = StepStatus.COMPLETED, output: str | None = "1"
) -> StepRow:
    """Give a step's row, ended unless it runs."""
    ended = AT if status is not StepStatus.RUNNING else None
    return StepRow(step_id, 0, "transform", None, status, 1, output=output, started_at=AT, completed_at=ended)


def ending(place: Place, execution_id: UUID, output: str = "1", claim_no: int = 1) -> Change:
    """Give the change that completes an execution of one step."""
    change = Change(key_of(place, execution_id, claim_no), {"one": step_row(output=output)}, done=1)
    change.end = Settlement(Status.COMPLETED, output=output)
    return change


def taken(place: Place, execution_id: UUID, send_no: int = 1) -> Taken:
    """Give a job as the worker takes it off the list."""
    return Taken(f"{execution_id}-{send_no}", execution_id, place.scope.workspace_id)


@contextmanager
def counted_commits(engine: Engine) -> Iterator[Callable[[], int]]:
    """Count the commits that go through an engine."""
    commits: list[object] = []

    def note(connection: object) -> None:
        commits.append(connection)

    event.listen(engine, "commit", note)
    try:
        yield lambda: len(commits)
    finally:
        event.remove(engine, "commit", note)


@contextmanager
def in_thread(work: Callable[[], object]) -> Iterator[threading.Thread]:
    """Work in a thread; wait for its end after the block."""
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(60)
        assert not thread.is_alive()


def waiting_for_a_lock(place: Place, seconds: float = 60) -> int:
    """Wait until a backend waits for a lock; give its process id."""
    query = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if rows := place.sql(query):
            return int(rows[0].pid)
        time.sleep(0.01)
    raise AssertionError("nobody waits for a lock")

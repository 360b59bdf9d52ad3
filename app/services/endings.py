"""How the tick ends executions that no worker will end: with all that belongs to an end."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app import log
from app.services import executions
from app.services.transaction import transaction
from app.states import Reason
from app.store import children, installation, news, overdue, steps
from app.store import executions as store

BATCH = 200
WHY = "The step that started it was aborted"

logger = log.get(__name__)


@dataclass(slots=True)
class Aftermath:
    """Whom to tell after the commit: owners of cancelled children, and what was woken or started."""

    to_ring: list[Row[Any]] = field(default_factory=list)
    to_send: list[Row[Any]] = field(default_factory=list)

    def tell(self) -> None:
        """Tell them."""
        executions.ring(self.to_ring)
        executions.send(self.to_send, front=True)


def end_overdue(limit: int = BATCH) -> int:
    """Fail executions that are past their time while nobody owns them; give how many."""
    with transaction() as tx:
        if not installation.try_lock(tx, "overdue"):
            return 0
        rows = overdue.end(tx, limit)
        ids = [row.id for row in rows]
        if ids:
            steps.cancel_of(tx, ids)
        aftermath = after_failures(tx, ids)
        aftermath.to_send += news.wake_parents(tx, ids)
    for row in rows:
        logger.warning("an execution timed out without a worker", execution=str(row.id), limit=row.seconds)
    executions.announce(rows)
    aftermath.tell()
    return len(rows)


def after_failures(tx: Connection, failed: Sequence[UUID]) -> Aftermath:
    """Cancel the children that failed executions waited for, and start their handlers. Never commits."""
    if not failed:
        return Aftermath()
    by_workspace: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for child in overdue.awaited_children(tx, failed):
        by_workspace[child.workspace_id].append(child.id)
    cancelled = [
        row
        for workspace_id, ids in by_workspace.items()
        for row in store.cancel_many(tx, workspace_id, ids, Reason.PARENT, WHY)
    ]
    return Aftermath(cancelled, children.start_handlers(tx, failed))

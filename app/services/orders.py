"""What callers order: executions to be made, and what became of an order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from app.errors import LineaError
from app.services.scope import Scope
from app.states import TriggeredBy
from app.store.idempotency import KeyUse
from app.store.retries import Reused

Json = Any
SINGLE = "trigger"
BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Again:
    """What a retry takes from the execution that it repeats, and the version that it is bound to."""

    execution_id: UUID
    attempt: int
    version: int
    steps_total: int
    reused: tuple[Reused, ...]


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """One execution of a workflow; in a batch it may have an idempotency key of its own.

    `refused` is why it cannot be made, which its caller hears unless an earlier one with its key was.
    """

    workflow_id: UUID
    input: Json
    triggered_by: TriggeredBy
    tags: tuple[str, ...] = ()
    run_at: datetime | None = None
    trigger: Json = None
    key: str | None = None
    fingerprint: bytes = b""
    webhook_id: UUID | None = None
    schedule_id: UUID | None = None
    again: Again | None = None
    refused: LineaError | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """Requests that stand or fall together; `fingerprint` is the hash of the body that `key` stands for."""

    scope: Scope
    requests: tuple[TriggerRequest, ...]
    route: str
    key: str | None = None
    fingerprint: bytes = b""

    def use(self, ids: tuple[UUID, ...] = ()) -> KeyUse | None:
        """Give the use of the order's own key, to make `ids`."""
        if self.key is None:
            return None
        return KeyUse(self.scope.workspace_id, self.route, self.key, self.fingerprint, ids)

    def member_use(self, request: TriggerRequest, ids: tuple[UUID, ...] = ()) -> KeyUse | None:
        """Give the use of a member's key: it is the key that a single trigger would have."""
        if request.key is None:
            return None
        return KeyUse(self.scope.workspace_id, SINGLE, request.key, request.fingerprint, ids)

    def uses(self) -> list[KeyUse]:
        """Give every use of a key in the order."""
        return [use for use in (self.use(), *map(self.member_use, self.requests)) if use is not None]


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of an order: its execution ids in order, and the rows of those that are new."""

    execution_ids: tuple[UUID, ...]
    rows: tuple[Row[Any], ...] = ()

    @property
    def replayed(self) -> bool:
        """Tell whether earlier requests with the same keys made all of it."""
        return not self.rows

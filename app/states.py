"""Statuses, reasons and moves of executions and steps, as data that every other layer reads."""

from enum import StrEnum


class Status(StrEnum):
    """Where an execution stands."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StepStatus(StrEnum):
    """Where a step execution stands."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class TriggeredBy(StrEnum):
    """What created an execution."""

    MANUAL = "manual"
    SCHEDULE = "schedule"
    WEBHOOK = "webhook"
    API = "api"


class Reason(StrEnum):
    """Why an execution has the status it has, as a code."""

    QUEUED = "queued"
    CONCURRENCY = "concurrency"
    DELAYED = "delayed"
    PAUSED = "paused"
    OVERLAP = "overlap"
    WAITING = "waiting"
    CANCELLING = "cancelling"
    STEP_FAILED = "step_failed"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    QUOTA_EXCEEDED = "quota_exceeded"
    INVALID_DEFINITION = "invalid_definition"
    REQUESTED = "requested"
    BULK = "bulk"
    PARENT = "parent"
    DELETED = "deleted"


class Role(StrEnum):
    """What an API key may do; each role includes the ones after it."""

    ADMIN = "admin"
    EDITOR = "editor"
    OPERATOR = "operator"
    VIEWER = "viewer"

    def includes(self, needed: "Role") -> bool:
        """Tell whether this role may do what `needed` may."""
        return ROLE_ORDER.index(self) <= ROLE_ORDER.index(needed)


ROLE_ORDER = (Role.ADMIN, Role.EDITOR, Role.OPERATOR, Role.VIEWER)

ACTIVE = frozenset({Status.PENDING, Status.RUNNING})
FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
STEP_FINAL = frozenset({StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED, StepStatus.CANCELLED})

MOVES: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.RUNNING: frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED}),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
}

# What a row may hold; `delayed`, `paused`, `waiting` and `cancelling` are computed on reading.
STORED_REASONS: dict[Status, frozenset[Reason]] = {
    Status.PENDING: frozenset({Reason.QUEUED, Reason.CONCURRENCY, Reason.OVERLAP}),
    Status.RUNNING: frozenset(),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset(
        {Reason.STEP_FAILED, Reason.TIMEOUT, Reason.CRASHED, Reason.QUOTA_EXCEEDED, Reason.INVALID_DEFINITION}
    ),
    Status.CANCELLED: frozenset(
        {Reason.REQUESTED, Reason.OVERLAP, Reason.BULK, Reason.PARENT, Reason.DELETED}
    ),
}
COMPUTED_REASONS: dict[Status, frozenset[Reason]] = {
    Status.PENDING: frozenset({Reason.DELAYED, Reason.PAUSED}),
    Status.RUNNING: frozenset({Reason.WAITING, Reason.CANCELLING}),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
}

"""Executions: one row a run of a workflow, the truth about it."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import At, CreatedAt, Id, Json, Words, WorkspaceId, execution_status, triggered_by
from app.states import FINAL, STORED_REASONS, Status


def _words(values: object) -> str:
    return ", ".join(f"'{value}'" for value in sorted(values))  # type: ignore[call-overload]


def _reasons() -> str:
    """Write which stored reasons each status allows."""
    rules = [
        f"(status = '{status}' AND reason IN ({_words(reasons)}))"
        if reasons
        else f"(status = '{status}' AND reason IS NULL)"
        for status, reasons in STORED_REASONS.items()
    ]
    return " OR ".join(rules)


class Execution(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "executions"
    __table_args__ = (
        CheckConstraint(f"(completed_at IS NOT NULL) = (status IN ({_words(FINAL)}))", name="completed_at"),
        CheckConstraint("started_at IS NOT NULL OR status IN ('pending', 'cancelled')", name="started_at"),
        CheckConstraint("started_at IS NULL OR status <> 'pending'", name="not_started"),
        CheckConstraint("completed_at >= started_at", name="ends_after_start"),
        CheckConstraint(f"({_reasons()}) IS TRUE", name="reason"),
        CheckConstraint("output IS NULL OR status = 'completed'", name="output"),
        CheckConstraint("error IS NOT NULL OR status <> 'failed'", name="error"),
        CheckConstraint("(worker IS NULL) = (lease_expires_at IS NULL)", name="lease"),
        CheckConstraint("worker IS NULL OR status = 'running'", name="owner"),
        CheckConstraint("wake_at IS NULL OR (status = 'running' AND worker IS NULL)", name="wake_at"),
        CheckConstraint("(cancel_requested_at IS NULL) = (cancel_code IS NULL)", name="cancel_code"),
        CheckConstraint(
            "cancel_requested_at IS NULL OR status IN ('running', 'cancelled')", name="cancel_wins"
        ),
        CheckConstraint("steps_done <= steps_total", name="steps_done"),
        CheckConstraint("attempt >= 1 AND takeovers >= 0 AND claim_no >= 0 AND send_no >= 0", name="counts"),
        Index("ix_executions_workspace_id_id", "workspace_id", "id"),
        Index("ix_executions_space_id_id", "space_id", "id"),
        Index("ix_executions_workflow_id_id", "workflow_id", "id"),
        Index("ix_executions_pending", "workspace_id", "id", postgresql_where=text("status = 'pending'")),
        Index("ix_executions_running", "workspace_id", "id", postgresql_where=text("status = 'running'")),
        Index("ix_executions_failed", "workspace_id", "id", postgresql_where=text("status = 'failed'")),
        Index("ix_executions_cancelled", "workspace_id", "id", postgresql_where=text("status = 'cancelled'")),
        Index(
            "ix_executions_sent", "sent_at", postgresql_where=text("status = 'pending' AND reason = 'queued'")
        ),
        Index(
            "ix_executions_queued",
            "workspace_id",
            "sent_at",
            postgresql_where=text("status = 'pending' AND reason = 'queued' AND sent_at IS NOT NULL"),
        ),
        Index(
            "ix_executions_held",
            "workspace_id",
            "workflow_id",
            "id",
            postgresql_where=text("status = 'pending' AND reason = 'concurrency'"),
        ),
        Index(
            "ix_executions_at_work",
            "workspace_id",
            "lease_expires_at",
            postgresql_where=text("status = 'running' AND waiting_since IS NULL"),
        ),
        Index(
            "ix_executions_put_off",
            "workspace_id",
            "workflow_id",
            "waiting_since",
            postgresql_where=text(
                "status = 'running' AND worker IS NULL AND waiting_since IS NOT NULL AND sent_at IS NULL"
            ),
        ),
        Index(
            "ix_executions_ownerless",
            "wake_at",
            postgresql_where=text("status = 'running' AND worker IS NULL"),
        ),
        Index(
            "ix_executions_completed",
            "workspace_id",
            "completed_at",
            postgresql_where=text("completed_at IS NOT NULL"),
        ),
        Index("ix_executions_tags", "tags", postgresql_using="gin", postgresql_where=text("tags <> '{}'")),
        Index(
            "ix_executions_schedule", "schedule_id", "id", postgresql_where=text("schedule_id IS NOT NULL")
        ),
        Index(
            "ix_executions_schedule_active",
            "schedule_id",
            postgresql_where=text("schedule_id IS NOT NULL AND status IN ('pending', 'running')"),
        ),
        Index(
            "ix_executions_buffered",
            "schedule_id",
            postgresql_where=text("status = 'pending' AND reason = 'overlap'"),
        ),
        Index("ix_executions_webhook", "webhook_id", "id", postgresql_where=text("webhook_id IS NOT NULL")),
        Index("ix_executions_retry_of", "retry_of", "id", postgresql_where=text("retry_of IS NOT NULL")),
        Index("ix_executions_parent", "parent_id", "id", postgresql_where=text("parent_id IS NOT NULL")),
        {"postgresql_with": {"fillfactor": 50}},
    )

    id: Mapped[Id]
    workspace_id: Mapped[WorkspaceId]
    space_id: Mapped[UUID | None] = mapped_column(ForeignKey("spaces.id", ondelete="SET NULL"))
    workflow_id: Mapped[UUID | None] = mapped_column(ForeignKey("workflows.id", ondelete="SET NULL"))
    workflow_name: Mapped[Words]
    workflow_version: Mapped[int]
    status: Mapped[str] = mapped_column(execution_status, server_default=Status.PENDING.value)
    reason: Mapped[Words | None] = mapped_column(Text, server_default="queued")
    triggered_by: Mapped[str] = mapped_column(triggered_by)
    trigger: Mapped[Json | None]
    input: Mapped[Json]
    output: Mapped[Json | None]
    error: Mapped[Words | None]
    created_at: Mapped[CreatedAt]
    started_at: Mapped[At | None]
    completed_at: Mapped[At | None]
    run_at: Mapped[At | None]
    wake_at: Mapped[At | None]
    deadline_at: Mapped[At | None]
    waiting_since: Mapped[At | None]
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    takeovers: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    depth: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    steps_total: Mapped[int] = mapped_column(SmallInteger)
    steps_done: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    idempotency_key: Mapped[Words | None]
    retry_of: Mapped[UUID | None] = mapped_column(ForeignKey("executions.id", ondelete="SET NULL"))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("executions.id", ondelete="SET NULL"))
    parent_step: Mapped[Words | None]
    schedule_id: Mapped[UUID | None] = mapped_column(ForeignKey("schedules.id", ondelete="SET NULL"))
    webhook_id: Mapped[UUID | None] = mapped_column(ForeignKey("webhooks.id", ondelete="SET NULL"))
    cancel_requested_at: Mapped[At | None]
    cancel_code: Mapped[Words | None]
    worker: Mapped[Words | None]
    lease_expires_at: Mapped[At | None]
    claim_no: Mapped[int] = mapped_column(server_default="0")
    sent_at: Mapped[At | None]
    send_no: Mapped[int] = mapped_column(server_default="0")

"""Step executions, their forEach items and their log lines."""

from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    SmallInteger,
    Uuid,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import AnyId, At, Json, Words, step_status
from app.states import STEP_FINAL

_FINAL = ", ".join(f"'{status}'" for status in sorted(STEP_FINAL))


class ExecutionStep(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "execution_steps"
    __table_args__ = (
        CheckConstraint(f"(completed_at IS NOT NULL) = (status IN ({_FINAL}))", name="completed_at"),
        CheckConstraint("completed_at >= started_at", name="ends_after_start"),
        CheckConstraint("error IS NOT NULL OR status <> 'failed'", name="error"),
        CheckConstraint("wake_at IS NULL OR status = 'waiting'", name="wake_at"),
        {"postgresql_with": {"fillfactor": 70}},
    )

    execution_id: Mapped[UUID] = mapped_column(
        ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True
    )
    step_id: Mapped[Words] = mapped_column(primary_key=True)
    workspace_id: Mapped[AnyId]
    position: Mapped[int] = mapped_column(SmallInteger)
    type: Mapped[Words]
    name: Mapped[Words | None]
    status: Mapped[str] = mapped_column(step_status)
    attempt: Mapped[int] = mapped_column(SmallInteger)
    input: Mapped[Json | None]
    output: Mapped[Json | None]
    error: Mapped[Words | None]
    started_at: Mapped[At | None]
    completed_at: Mapped[At | None]
    wake_at: Mapped[At | None]
    reused_from: Mapped[AnyId | None]
    items: Mapped[Json | None]
    attempts: Mapped[Json | None]


class ExecutionStepItem(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "execution_step_items"
    __table_args__ = (
        ForeignKeyConstraint(
            ["execution_id", "step_id"],
            ["execution_steps.execution_id", "execution_steps.step_id"],
            ondelete="CASCADE",
        ),
    )

    execution_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    step_id: Mapped[Words] = mapped_column(primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(step_status)
    attempt: Mapped[int] = mapped_column(SmallInteger)
    output: Mapped[Json | None]
    error: Mapped[Words | None]
    wake_at: Mapped[At | None]


class ExecutionStepLog(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "execution_step_logs"
    __table_args__ = (
        ForeignKeyConstraint(
            ["execution_id", "step_id"],
            ["execution_steps.execution_id", "execution_steps.step_id"],
            ondelete="CASCADE",
        ),
    )

    execution_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    step_id: Mapped[Words] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[At]
    level: Mapped[Words]
    message: Mapped[Words]

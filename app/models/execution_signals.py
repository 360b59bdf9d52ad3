"""Signals: what somebody sent to a step that waits for it, or will."""

from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import CreatedAt, Json, Words


class ExecutionSignal(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "execution_signals"

    execution_id: Mapped[UUID] = mapped_column(
        ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True
    )
    step_id: Mapped[Words] = mapped_column(primary_key=True)
    payload: Mapped[Json]
    created_at: Mapped[CreatedAt]

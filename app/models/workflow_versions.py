"""Versions of workflows: a definition never changes once an execution may be bound to it."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import CreatedAt, Json


class WorkflowVersion(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "workflow_versions"
    __table_args__ = (
        CheckConstraint("number >= 1", name="number"),
        CheckConstraint("steps_total >= 1", name="steps_total"),
    )

    workflow_id: Mapped[UUID] = mapped_column(
        ForeignKey("workflows.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    definition: Mapped[Json]
    input_schema: Mapped[Json | None]
    steps_total: Mapped[int]
    created_at: Mapped[CreatedAt]

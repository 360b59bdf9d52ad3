"""Bulk cancels and retries: stored, so that they survive restarts."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import AnyId, CreatedAt, Id, Json, Words, WorkspaceId


class BulkOperation(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "bulk_operations"
    __table_args__ = (
        CheckConstraint("kind IN ('cancel', 'retry')", name="kind"),
        CheckConstraint("status IN ('running', 'completed')", name="status"),
        Index("ix_bulk_operations_workspace_id", "workspace_id"),
        Index("ix_bulk_operations_space_id", "space_id"),
        Index("ix_bulk_operations_running", "id", postgresql_where=text("status = 'running'")),
    )

    id: Mapped[Id]
    workspace_id: Mapped[WorkspaceId]
    space_id: Mapped[UUID | None] = mapped_column(ForeignKey("spaces.id", ondelete="SET NULL"))
    kind: Mapped[Words]
    selection: Mapped[Json]
    status: Mapped[Words] = mapped_column(server_default="running")
    matched: Mapped[int] = mapped_column(server_default="0")
    done: Mapped[int] = mapped_column(server_default="0")
    skipped: Mapped[int] = mapped_column(server_default="0")
    after_id: Mapped[AnyId | None]
    created_at: Mapped[CreatedAt]

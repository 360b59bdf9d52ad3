"""Bulk cancels and retries: stored, so that they survive restarts."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import AnyId, At, CreatedAt, Id, Json, Words, WorkspaceId


class BulkOperation(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "bulk_operations"
    __table_args__ = (
        CheckConstraint("kind IN ('cancel', 'retry')", name="kind"),
        CheckConstraint("status IN ('running', 'completed')", name="status"),
        CheckConstraint("(completed_at IS NOT NULL) = (status = 'completed')", name="completed_at"),
        Index("ix_bulk_operations_workspace_id_completed_at", "workspace_id", "completed_at"),
        Index("ix_bulk_operations_running", "updated_at", postgresql_where=text("status = 'running'")),
    )

    id: Mapped[Id]
    workspace_id: Mapped[WorkspaceId]
    # No foreign key: nulled with its space, an operation on it would go on over the whole workspace.
    space_id: Mapped[AnyId | None]
    kind: Mapped[Words]
    ids: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid()))
    filters: Mapped[Json] = mapped_column(JSONB(none_as_null=True))
    status: Mapped[Words] = mapped_column(server_default="running")
    matched: Mapped[int]
    done: Mapped[int] = mapped_column(server_default="0")
    skipped: Mapped[int] = mapped_column(server_default="0")
    after_id: Mapped[AnyId | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    completed_at: Mapped[At | None]

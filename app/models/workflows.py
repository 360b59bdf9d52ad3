"""Workflows and their immutable versions."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import At, CreatedAt, Id, Words, WorkspaceId


class Workflow(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "workflows"
    __table_args__ = (
        CheckConstraint("max_concurrency >= 1", name="max_concurrency"),
        Index("ix_workflows_space_id_id", "space_id", "id"),
        Index("ix_workflows_workspace_id", "workspace_id"),
        Index("ix_workflows_deleted", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
    )

    id: Mapped[Id]
    workspace_id: Mapped[WorkspaceId]
    space_id: Mapped[UUID] = mapped_column(ForeignKey("spaces.id", ondelete="CASCADE"))
    name: Mapped[Words]
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    max_concurrency: Mapped[int | None]
    version: Mapped[int]
    revision: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    deleted_at: Mapped[At | None]

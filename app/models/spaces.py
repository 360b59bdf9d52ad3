"""Spaces: folders of workflows in a workspace."""

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped

from app.extensions import db
from app.models.columns import At, CreatedAt, Id, Words, WorkspaceId


class Space(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "spaces"
    __table_args__ = (
        Index("ix_spaces_workspace_id_id", "workspace_id", "id"),
        Index("ix_spaces_deleted", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
    )

    id: Mapped[Id]
    workspace_id: Mapped[WorkspaceId]
    name: Mapped[Words]
    created_at: Mapped[CreatedAt]
    deleted_at: Mapped[At | None]

"""API keys: stored hashed, shown once."""

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import At, CreatedAt, Id, Words, WorkspaceId, role


class ApiKey(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "api_keys"
    __table_args__ = (Index("ix_api_keys_workspace_id_id", "workspace_id", "id"),)

    id: Mapped[Id]
    workspace_id: Mapped[WorkspaceId]
    name: Mapped[Words]
    role: Mapped[str] = mapped_column(role)
    hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    expires_at: Mapped[At | None]
    last_used_at: Mapped[At | None]
    created_at: Mapped[CreatedAt]

"""Workspaces: the tenants, with their quotas."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import CreatedAt, Id, Words


class Workspace(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "workspaces"
    __table_args__ = (
        CheckConstraint("max_concurrent_executions >= 1", name="max_concurrent_executions"),
        CheckConstraint("max_pending_executions >= 0", name="max_pending_executions"),
        CheckConstraint("executions_per_day >= 0", name="executions_per_day"),
        CheckConstraint("max_execution_seconds >= 1", name="max_execution_seconds"),
        CheckConstraint("retention_days >= 1", name="retention_days"),
    )

    id: Mapped[Id]
    name: Mapped[Words]
    max_concurrent_executions: Mapped[int] = mapped_column(server_default="1000")
    max_pending_executions: Mapped[int] = mapped_column(server_default="100000")
    executions_per_day: Mapped[int | None]
    max_execution_seconds: Mapped[int] = mapped_column(server_default="86400")
    retention_days: Mapped[int] = mapped_column(server_default="30")
    created_at: Mapped[CreatedAt]

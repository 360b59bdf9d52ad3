"""Schedules and the record of their fires."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import At, CreatedAt, Id, Json, Words


class Schedule(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "schedules"
    __table_args__ = (
        CheckConstraint("overlap IN ('allow', 'skip', 'cancelPrevious', 'bufferOne')", name="overlap"),
        CheckConstraint("catch_up IN ('one', 'none', 'all')", name="catch_up"),
        Index("ix_schedules_space_id_id", "space_id", "id"),
        Index("ix_schedules_workflow_id", "workflow_id"),
        Index("ix_schedules_due", "next_fire_at", postgresql_where=text("enabled")),
        Index("ix_schedules_deleted", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
    )

    id: Mapped[Id]
    space_id: Mapped[UUID] = mapped_column(ForeignKey("spaces.id", ondelete="CASCADE"))
    workflow_id: Mapped[UUID] = mapped_column(ForeignKey("workflows.id", ondelete="CASCADE"))
    name: Mapped[Words]
    cron: Mapped[Words]
    timezone: Mapped[Words] = mapped_column(server_default="UTC")
    input: Mapped[Json] = mapped_column(server_default="{}")
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    overlap: Mapped[Words] = mapped_column(server_default="allow")
    catch_up: Mapped[Words] = mapped_column(server_default="one")
    next_fire_at: Mapped[At | None]
    last_fired_at: Mapped[At | None]
    created_at: Mapped[CreatedAt]
    deleted_at: Mapped[At | None]


class ScheduleFire(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "schedule_fires"
    __table_args__ = (
        UniqueConstraint("schedule_id", "scheduled_for"),
        CheckConstraint("outcome IN ('fired', 'skipped', 'missed')", name="outcome"),
        CheckConstraint("count >= 1", name="count"),
        Index(
            "ix_schedule_fires_execution_id",
            "execution_id",
            postgresql_where=text("execution_id IS NOT NULL"),
        ),
    )

    id: Mapped[Id]
    schedule_id: Mapped[UUID] = mapped_column(ForeignKey("schedules.id", ondelete="CASCADE"))
    scheduled_for: Mapped[At]
    until: Mapped[At | None]
    count: Mapped[int] = mapped_column(server_default="1")
    fired_at: Mapped[At | None]
    outcome: Mapped[Words]
    reason: Mapped[Words | None]
    execution_id: Mapped[UUID | None] = mapped_column(ForeignKey("executions.id", ondelete="SET NULL"))

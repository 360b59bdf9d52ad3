"""Webhooks and the record of their deliveries."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import At, CreatedAt, Id, Json, Words


class Webhook(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "webhooks"
    __table_args__ = (
        CheckConstraint("respond IN ('accepted', 'result')", name="respond"),
        Index("ix_webhooks_space_id_id", "space_id", "id"),
        Index("ix_webhooks_workflow_id", "workflow_id"),
        Index("ix_webhooks_deleted", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
    )

    id: Mapped[Id]
    space_id: Mapped[UUID] = mapped_column(ForeignKey("spaces.id", ondelete="CASCADE"))
    workflow_id: Mapped[UUID] = mapped_column(ForeignKey("workflows.id", ondelete="CASCADE"))
    name: Mapped[Words]
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    verification: Mapped[Json]
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    old_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    old_secret_until: Mapped[At | None]
    respond: Mapped[Words] = mapped_column(server_default="accepted")
    created_at: Mapped[CreatedAt]
    deleted_at: Mapped[At | None]


class WebhookDelivery(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint("outcome IN ('accepted', 'duplicate', 'rejected')", name="outcome"),
        CheckConstraint("count >= 1", name="count"),
        Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
        Index(
            "uq_webhook_deliveries_accepted",
            "webhook_id",
            "delivery_id",
            unique=True,
            postgresql_where=text("outcome = 'accepted' AND delivery_id IS NOT NULL"),
        ),
        Index(
            "ix_webhook_deliveries_rejected",
            "webhook_id",
            "received_at",
            postgresql_where=text("outcome = 'rejected'"),
        ),
    )

    id: Mapped[Id]
    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    received_at: Mapped[CreatedAt]
    outcome: Mapped[Words]
    reason: Mapped[Words | None]
    delivery_id: Mapped[Words | None]
    # No foreign key: a delivery that comes again names its first execution even when that one is gone.
    execution_id: Mapped[UUID | None]
    method: Mapped[Words]
    query: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    headers: Mapped[Json]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    count: Mapped[int] = mapped_column(server_default="1")

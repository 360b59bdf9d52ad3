"""What a browser holds for an API key: a session, or the link that opens one; both go with the key."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import At, Words


class BrowserToken(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "browser_tokens"
    __table_args__ = (
        CheckConstraint("purpose IN ('session', 'link')", name="purpose"),
        Index("ix_browser_tokens_api_key_id", "api_key_id"),
        Index("ix_browser_tokens_expires_at", "expires_at"),
    )

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    purpose: Mapped[Words]
    api_key_id: Mapped[UUID] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"))
    expires_at: Mapped[At]

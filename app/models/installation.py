"""What holds for the whole installation: one row."""

from sqlalchemy import CheckConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import At


class Installation(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id", name="one_row"),)

    id: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    paused: Mapped[bool] = mapped_column(server_default=text("false"))
    last_tick_at: Mapped[At | None]

"""What each pass of the tick has done so far, for the metrics of every process."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import CreatedAt, Words


class TickRepairs(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "tick_repairs"

    pass_name: Mapped[Words] = mapped_column(primary_key=True)
    repaired: Mapped[int] = mapped_column(BigInteger)
    last_at: Mapped[CreatedAt]

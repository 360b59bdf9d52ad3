"""What each pass of the tick has done so far, for the metrics of every process."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import At, CreatedAt, Words


class TickRepairs(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "tick_repairs"

    pass_name: Mapped[Words] = mapped_column(primary_key=True)
    repaired: Mapped[int] = mapped_column(BigInteger)
    last_at: Mapped[CreatedAt]
    # Of a pass that fails at each tick: the first failure of the row, the latest, and what it said.
    failing_since: Mapped[At | None]
    failed_at: Mapped[At | None]
    failure: Mapped[Words | None]

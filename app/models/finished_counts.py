"""How many executions ended in each status up to a time; what ended later is counted from its rows."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import db
from app.models.columns import At, execution_status


class FinishedCount(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "finished_counts"

    status: Mapped[str] = mapped_column(execution_status, primary_key=True)
    total: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[At]

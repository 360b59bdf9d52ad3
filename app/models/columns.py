"""Column types and enums that several tables share."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Text, Uuid, func
from sqlalchemy.dialects.postgresql import ENUM, JSONB
from sqlalchemy.orm import mapped_column

from app.states import Role, Status, StepStatus, TriggeredBy

Id = Annotated[UUID, mapped_column(Uuid(), primary_key=True)]
WorkspaceId = Annotated[UUID, mapped_column(Uuid(), ForeignKey("workspaces.id"))]
AnyId = Annotated[UUID, mapped_column(Uuid())]
Words = Annotated[str, mapped_column(Text)]
Json = Annotated[Any, mapped_column(JSONB)]
At = Annotated[datetime, mapped_column(DateTime(timezone=True))]
CreatedAt = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]

execution_status = ENUM(*[s.value for s in Status], name="execution_status")
step_status = ENUM(*[s.value for s in StepStatus], name="step_status")
triggered_by = ENUM(*[t.value for t in TriggeredBy], name="triggered_by")
role = ENUM(*[r.value for r in Role], name="role")

"""The workspace of a key and its quotas."""

from typing import Any

from marshmallow import fields
from marshmallow.validate import OneOf, Range

from app.schemas.base import In, Out
from app.schemas.fields import Integer
from app.states import Role

MOST_CONCURRENT = 1_000_000
MOST_PENDING = 100_000_000
MOST_A_DAY = 1_000_000_000
MOST_SECONDS = 366 * 86_400
MOST_DAYS = 36_500


class MeOut(Out):
    """Whose key it is and what it may do."""

    workspace_id = fields.UUID(required=True)
    workspace_name = fields.String(required=True)
    role = fields.String(required=True, validate=OneOf([role.value for role in Role]))


def _count(least: int, most: int, **options: Any) -> Integer:
    return Integer(validate=Range(least, most, error="Must be from {min} to {max}."), **options)


class QuotaChanges(In):
    """What of the quotas shall change."""

    max_concurrent_executions = _count(1, MOST_CONCURRENT)
    max_pending_executions = _count(0, MOST_PENDING)
    executions_per_day = _count(0, MOST_A_DAY, allow_none=True)
    max_execution_seconds = _count(1, MOST_SECONDS)
    retention_days = _count(1, MOST_DAYS)


class QuotasOut(Out):
    """The quotas of a workspace; null is no limit."""

    max_concurrent_executions = fields.Integer(required=True)
    max_pending_executions = fields.Integer(required=True)
    executions_per_day = fields.Integer(required=True, allow_none=True)
    max_execution_seconds = fields.Integer(required=True)
    retention_days = fields.Integer(required=True)

"""The tables, one file each, with the constraints that hold their invariants."""

from app.models.api_keys import ApiKey
from app.models.browser_tokens import BrowserToken
from app.models.bulk_operations import BulkOperation
from app.models.execution_signals import ExecutionSignal
from app.models.execution_steps import ExecutionStep, ExecutionStepItem, ExecutionStepLog
from app.models.executions import Execution
from app.models.finished_counts import FinishedCount
from app.models.idempotency_keys import IdempotencyKey
from app.models.installation import Installation
from app.models.schedules import Schedule, ScheduleFire
from app.models.secrets import Secret
from app.models.spaces import Space
from app.models.tick_repairs import TickRepairs
from app.models.webhooks import Webhook, WebhookDelivery
from app.models.workflow_versions import WorkflowVersion
from app.models.workflows import Workflow
from app.models.workspaces import Workspace

__all__ = [
    "ApiKey",
    "BrowserToken",
    "BulkOperation",
    "Execution",
    "ExecutionSignal",
    "ExecutionStep",
    "ExecutionStepItem",
    "ExecutionStepLog",
    "FinishedCount",
    "IdempotencyKey",
    "Installation",
    "Schedule",
    "ScheduleFire",
    "Secret",
    "Space",
    "TickRepairs",
    "Webhook",
    "WebhookDelivery",
    "Workflow",
    "WorkflowVersion",
    "Workspace",
]

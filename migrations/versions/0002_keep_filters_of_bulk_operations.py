"""Keep the filters of every bulk operation, and find what was put off by its workflow."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NO_FILTERS = """
UPDATE bulk_operations SET filters = '{"statuses": [], "triggered_by": null, "created_after": null,
  "created_before": null, "tag": null, "q": null, "workflow_id": null, "schedule_id": null,
  "webhook_id": null, "retry_of": null}' WHERE filters IS NULL
"""
PUT_OFF = sa.text("status = 'running' AND worker IS NULL AND waiting_since IS NOT NULL AND sent_at IS NULL")


def upgrade() -> None:
    """An operation on ids had no filters."""
    op.drop_constraint(op.f("ck_bulk_operations_selection"), "bulk_operations", type_="check")
    op.execute(NO_FILTERS)
    op.alter_column("bulk_operations", "filters", nullable=False)
    _index_put_off("workspace_id", "workflow_id", "waiting_since")


def downgrade() -> None:
    """Take the filters off operations on ids again."""
    op.alter_column("bulk_operations", "filters", nullable=True)
    op.execute("UPDATE bulk_operations SET filters = NULL WHERE ids IS NOT NULL")
    op.create_check_constraint(
        op.f("ck_bulk_operations_selection"), "bulk_operations", "(ids IS NULL) <> (filters IS NULL)"
    )
    _index_put_off("workspace_id", "waiting_since")


def _index_put_off(*columns: str) -> None:
    op.drop_index("ix_executions_put_off", "executions")
    op.create_index("ix_executions_put_off", "executions", list(columns), postgresql_where=PUT_OFF)

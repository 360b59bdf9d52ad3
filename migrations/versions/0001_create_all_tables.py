"""Create all tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

EXECUTION_STATUS = postgresql.ENUM(
    "pending", "running", "completed", "failed", "cancelled", name="execution_status", create_type=False
)
STEP_STATUS = postgresql.ENUM(
    *("pending", "running", "waiting", "completed", "failed", "skipped", "cancelled"),
    name="step_status",
    create_type=False,
)
TRIGGERED_BY = postgresql.ENUM("manual", "schedule", "webhook", "api", name="triggered_by", create_type=False)
ROLE = postgresql.ENUM("admin", "editor", "operator", "viewer", name="role", create_type=False)
TYPES = (EXECUTION_STATUS, STEP_STATUS, TRIGGERED_BY, ROLE)

# The outcome of a finished execution never changes; the set-nulls of deletes pass.
FINISHED_GUARD = """
CREATE FUNCTION refuse_changes_of_finished_executions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE changed uuid;
BEGIN
    SELECT o.id INTO changed FROM old_rows o JOIN new_rows n USING (id)
    WHERE o.status IN ('completed', 'failed', 'cancelled')
      AND (n.status, n.reason, n.input, n.output, n.error, n.started_at, n.completed_at, n.workspace_id, n.steps_done)
          IS DISTINCT FROM
          (o.status, o.reason, o.input, o.output, o.error, o.started_at, o.completed_at, o.workspace_id, o.steps_done)
    LIMIT 1;
    IF changed IS NOT NULL THEN
        RAISE EXCEPTION 'execution % has ended: its outcome never changes', changed USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refuse_changes_of_finished_executions AFTER UPDATE ON executions
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_changes_of_finished_executions();
"""


def upgrade() -> None:
    for kind in TYPES:
        kind.create(op.get_bind())
    op.create_table(
        "installation",
        sa.Column("id", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("last_tick_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("id", name=op.f("ck_installation_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "tick_repairs",
        sa.Column("pass_name", sa.Text(), nullable=False),
        sa.Column("repaired", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("pass_name", name=op.f("pk_tick_repairs")),
    )
    op.create_table(
        "finished_counts",
        sa.Column("status", EXECUTION_STATUS, nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("status", name=op.f("pk_finished_counts")),
    )
    op.create_table(
        "workspaces",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("max_concurrent_executions", sa.Integer(), server_default="1000", nullable=False),
        sa.Column("max_pending_executions", sa.Integer(), server_default="100000", nullable=False),
        sa.Column("executions_per_day", sa.Integer(), nullable=True),
        sa.Column("max_execution_seconds", sa.Integer(), server_default="86400", nullable=False),
        sa.Column("retention_days", sa.Integer(), server_default="30", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("executions_per_day >= 0", name=op.f("ck_workspaces_executions_per_day")),
        sa.CheckConstraint(
            "max_concurrent_executions >= 1", name=op.f("ck_workspaces_max_concurrent_executions")
        ),
        sa.CheckConstraint("max_execution_seconds >= 1", name=op.f("ck_workspaces_max_execution_seconds")),
        sa.CheckConstraint("max_pending_executions >= 0", name=op.f("ck_workspaces_max_pending_executions")),
        sa.CheckConstraint("retention_days >= 1", name=op.f("ck_workspaces_retention_days")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspaces")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("workspace_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", ROLE, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_api_keys_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_keys_hash")),
    )
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.create_index("ix_api_keys_workspace_id_id", ["workspace_id", "id"], unique=False)

    op.create_table(
        "browser_tokens",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("api_key_id", sa.UUID(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("purpose IN ('session', 'link')", name=op.f("ck_browser_tokens_purpose")),
        sa.ForeignKeyConstraint(
            ["api_key_id"], ["api_keys.id"], name=op.f("fk_browser_tokens_api_key_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_browser_tokens")),
    )
    with op.batch_alter_table("browser_tokens", schema=None) as batch_op:
        batch_op.create_index("ix_browser_tokens_api_key_id", ["api_key_id"], unique=False)
        batch_op.create_index("ix_browser_tokens_expires_at", ["expires_at"], unique=False)

    op.create_table(
        "idempotency_keys",
        sa.Column("workspace_id", sa.UUID(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("execution_ids", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_idempotency_keys_workspace_id")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "route", "key", name=op.f("pk_idempotency_keys")),
    )
    with op.batch_alter_table("idempotency_keys", schema=None) as batch_op:
        batch_op.create_index("ix_idempotency_keys_created_at", ["created_at"], unique=False)

    op.create_table(
        "secrets",
        sa.Column("workspace_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_secrets_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "name", name=op.f("pk_secrets")),
    )
    op.create_table(
        "spaces",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("workspace_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_spaces_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spaces")),
    )
    with op.batch_alter_table("spaces", schema=None) as batch_op:
        batch_op.create_index(
            "ix_spaces_deleted",
            ["deleted_at"],
            unique=False,
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
        )
        batch_op.create_index("ix_spaces_workspace_id_id", ["workspace_id", "id"], unique=False)

    op.create_table(
        "bulk_operations",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("workspace_id", sa.UUID(), nullable=False),
        sa.Column("space_id", sa.UUID(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ids", postgresql.ARRAY(sa.UUID()), nullable=True),
        sa.Column("filters", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("status", sa.Text(), server_default="running", nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("skipped", sa.Integer(), server_default="0", nullable=False),
        sa.Column("after_id", sa.UUID(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(ids IS NULL) <> (filters IS NULL)", name=op.f("ck_bulk_operations_selection")),
        sa.CheckConstraint(
            "(completed_at IS NOT NULL) = (status = 'completed')",
            name=op.f("ck_bulk_operations_completed_at"),
        ),
        sa.CheckConstraint("kind IN ('cancel', 'retry')", name=op.f("ck_bulk_operations_kind")),
        sa.CheckConstraint("status IN ('running', 'completed')", name=op.f("ck_bulk_operations_status")),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_bulk_operations_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_operations")),
    )
    with op.batch_alter_table("bulk_operations", schema=None) as batch_op:
        batch_op.create_index(
            "ix_bulk_operations_running",
            ["updated_at"],
            unique=False,
            postgresql_where=sa.text("status = 'running'"),
        )
        batch_op.create_index(
            "ix_bulk_operations_workspace_id_completed_at", ["workspace_id", "completed_at"], unique=False
        )

    op.create_table(
        "workflows",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("workspace_id", sa.UUID(), nullable=False),
        sa.Column("space_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("max_concurrency", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("max_concurrency >= 1", name=op.f("ck_workflows_max_concurrency")),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_workflows_space_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_workflows_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workflows")),
    )
    with op.batch_alter_table("workflows", schema=None) as batch_op:
        batch_op.create_index(
            "ix_workflows_deleted",
            ["deleted_at"],
            unique=False,
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
        )
        batch_op.create_index("ix_workflows_space_id_id", ["space_id", "id"], unique=False)
        batch_op.create_index("ix_workflows_workspace_id", ["workspace_id"], unique=False)

    op.create_table(
        "schedules",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("space_id", sa.UUID(), nullable=False),
        sa.Column("workflow_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("input", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("overlap", sa.Text(), server_default="allow", nullable=False),
        sa.Column("catch_up", sa.Text(), server_default="one", nullable=False),
        sa.Column("next_fire_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_fired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("catch_up IN ('one', 'none', 'all')", name=op.f("ck_schedules_catch_up")),
        sa.CheckConstraint(
            "overlap IN ('allow', 'skip', 'cancelPrevious', 'bufferOne')", name=op.f("ck_schedules_overlap")
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_schedules_space_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflows.id"], name=op.f("fk_schedules_workflow_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
    )
    with op.batch_alter_table("schedules", schema=None) as batch_op:
        batch_op.create_index(
            "ix_schedules_deleted",
            ["deleted_at"],
            unique=False,
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_schedules_due", ["next_fire_at"], unique=False, postgresql_where=sa.text("enabled")
        )
        batch_op.create_index("ix_schedules_space_id_id", ["space_id", "id"], unique=False)
        batch_op.create_index("ix_schedules_workflow_id", ["workflow_id"], unique=False)

    op.create_table(
        "webhooks",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("space_id", sa.UUID(), nullable=False),
        sa.Column("workflow_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("verification", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("old_secret", sa.LargeBinary(), nullable=True),
        sa.Column("old_secret_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("respond", sa.Text(), server_default="accepted", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("respond IN ('accepted', 'result')", name=op.f("ck_webhooks_respond")),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_webhooks_space_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflows.id"], name=op.f("fk_webhooks_workflow_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    with op.batch_alter_table("webhooks", schema=None) as batch_op:
        batch_op.create_index(
            "ix_webhooks_deleted",
            ["deleted_at"],
            unique=False,
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
        )
        batch_op.create_index("ix_webhooks_space_id_id", ["space_id", "id"], unique=False)
        batch_op.create_index("ix_webhooks_workflow_id", ["workflow_id"], unique=False)

    op.create_table(
        "workflow_versions",
        sa.Column("workflow_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("input_schema", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("steps_total", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_workflow_versions_number")),
        sa.CheckConstraint("steps_total >= 1", name=op.f("ck_workflow_versions_steps_total")),
        sa.ForeignKeyConstraint(
            ["workflow_id"],
            ["workflows.id"],
            name=op.f("fk_workflow_versions_workflow_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workflow_id", "number", name=op.f("pk_workflow_versions")),
    )
    op.create_table(
        "executions",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("workspace_id", sa.UUID(), nullable=False),
        sa.Column("space_id", sa.UUID(), nullable=True),
        sa.Column("workflow_id", sa.UUID(), nullable=True),
        sa.Column("workflow_name", sa.Text(), nullable=False),
        sa.Column("workflow_version", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            EXECUTION_STATUS,
            server_default="pending",
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), server_default="queued", nullable=True),
        sa.Column(
            "triggered_by",
            TRIGGERED_BY,
            nullable=False,
        ),
        sa.Column("trigger", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("input", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("output", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("takeovers", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("depth", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("steps_total", sa.SmallInteger(), nullable=False),
        sa.Column("steps_done", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("retry_of", sa.UUID(), nullable=True),
        sa.Column("parent_id", sa.UUID(), nullable=True),
        sa.Column("parent_step", sa.Text(), nullable=True),
        sa.Column("schedule_id", sa.UUID(), nullable=True),
        sa.Column("webhook_id", sa.UUID(), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_code", sa.Text(), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim_no", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("send_no", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "(completed_at IS NOT NULL) = (status IN ('cancelled', 'completed', 'failed'))",
            name=op.f("ck_executions_completed_at"),
        ),
        sa.CheckConstraint(
            "((status = 'pending' AND reason IN ('concurrency', 'overlap', 'queued')) OR (status = 'running' AND reason IS NULL) OR (status = 'completed' AND reason IS NULL) OR (status = 'failed' AND reason IN ('crashed', 'invalid_definition', 'quota_exceeded', 'step_failed', 'timeout')) OR (status = 'cancelled' AND reason IN ('bulk', 'deleted', 'overlap', 'parent', 'requested'))) IS TRUE",
            name=op.f("ck_executions_reason"),
        ),
        sa.CheckConstraint(
            "cancel_requested_at IS NULL OR status IN ('running', 'cancelled')",
            name=op.f("ck_executions_cancel_wins"),
        ),
        sa.CheckConstraint("error IS NOT NULL OR status <> 'failed'", name=op.f("ck_executions_error")),
        sa.CheckConstraint("output IS NULL OR status = 'completed'", name=op.f("ck_executions_output")),
        sa.CheckConstraint(
            "started_at IS NOT NULL OR status IN ('pending', 'cancelled')",
            name=op.f("ck_executions_started_at"),
        ),
        sa.CheckConstraint(
            "started_at IS NULL OR status <> 'pending'", name=op.f("ck_executions_not_started")
        ),
        sa.CheckConstraint(
            "wake_at IS NULL OR (status = 'running' AND worker IS NULL)", name=op.f("ck_executions_wake_at")
        ),
        sa.CheckConstraint("worker IS NULL OR status = 'running'", name=op.f("ck_executions_owner")),
        sa.CheckConstraint(
            "(cancel_requested_at IS NULL) = (cancel_code IS NULL)", name=op.f("ck_executions_cancel_code")
        ),
        sa.CheckConstraint("(worker IS NULL) = (lease_expires_at IS NULL)", name=op.f("ck_executions_lease")),
        sa.CheckConstraint(
            "attempt >= 1 AND takeovers >= 0 AND claim_no >= 0 AND send_no >= 0",
            name=op.f("ck_executions_counts"),
        ),
        sa.CheckConstraint("completed_at >= started_at", name=op.f("ck_executions_ends_after_start")),
        sa.CheckConstraint("steps_done <= steps_total", name=op.f("ck_executions_steps_done")),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["executions.id"], name=op.f("fk_executions_parent_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["retry_of"], ["executions.id"], name=op.f("fk_executions_retry_of"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name=op.f("fk_executions_schedule_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_executions_space_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_executions_webhook_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflows.id"], name=op.f("fk_executions_workflow_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_executions_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_executions")),
        postgresql_with={"fillfactor": 50},
    )
    with op.batch_alter_table("executions", schema=None) as batch_op:
        batch_op.create_index(
            "ix_executions_cancelled",
            ["workspace_id", "id"],
            unique=False,
            postgresql_where=sa.text("status = 'cancelled'"),
        )
        batch_op.create_index(
            "ix_executions_completed",
            ["workspace_id", "completed_at"],
            unique=False,
            postgresql_where=sa.text("completed_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_executions_failed",
            ["workspace_id", "id"],
            unique=False,
            postgresql_where=sa.text("status = 'failed'"),
        )
        batch_op.create_index(
            "ix_executions_queued",
            ["workspace_id", "sent_at"],
            unique=False,
            postgresql_where=sa.text("status = 'pending' AND reason = 'queued' AND sent_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_executions_held",
            ["workspace_id", "workflow_id", "id"],
            unique=False,
            postgresql_where=sa.text("status = 'pending' AND reason = 'concurrency'"),
        )
        batch_op.create_index(
            "ix_executions_at_work",
            ["workspace_id", "lease_expires_at"],
            unique=False,
            postgresql_where=sa.text("status = 'running' AND waiting_since IS NULL"),
        )
        batch_op.create_index(
            "ix_executions_put_off",
            ["workspace_id", "waiting_since"],
            unique=False,
            postgresql_where=sa.text(
                "status = 'running' AND worker IS NULL AND waiting_since IS NOT NULL AND sent_at IS NULL"
            ),
        )
        batch_op.create_index(
            "ix_executions_ownerless",
            ["wake_at"],
            unique=False,
            postgresql_where=sa.text("status = 'running' AND worker IS NULL"),
        )
        batch_op.create_index(
            "ix_executions_parent",
            ["parent_id", "id"],
            unique=False,
            postgresql_where=sa.text("parent_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_executions_pending",
            ["workspace_id", "id"],
            unique=False,
            postgresql_where=sa.text("status = 'pending'"),
        )
        batch_op.create_index(
            "ix_executions_retry_of",
            ["retry_of", "id"],
            unique=False,
            postgresql_where=sa.text("retry_of IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_executions_running",
            ["workspace_id", "id"],
            unique=False,
            postgresql_where=sa.text("status = 'running'"),
        )
        batch_op.create_index(
            "ix_executions_buffered",
            ["schedule_id"],
            unique=False,
            postgresql_where=sa.text("status = 'pending' AND reason = 'overlap'"),
        )
        batch_op.create_index(
            "ix_executions_schedule_active",
            ["schedule_id"],
            unique=False,
            postgresql_where=sa.text("schedule_id IS NOT NULL AND status IN ('pending', 'running')"),
        )
        batch_op.create_index(
            "ix_executions_schedule",
            ["schedule_id", "id"],
            unique=False,
            postgresql_where=sa.text("schedule_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_executions_sent",
            ["sent_at"],
            unique=False,
            postgresql_where=sa.text("status = 'pending' AND reason = 'queued'"),
        )
        batch_op.create_index("ix_executions_space_id_id", ["space_id", "id"], unique=False)
        batch_op.create_index(
            "ix_executions_tags",
            ["tags"],
            unique=False,
            postgresql_using="gin",
            postgresql_where=sa.text("tags <> '{}'"),
        )
        batch_op.create_index(
            "ix_executions_webhook",
            ["webhook_id", "id"],
            unique=False,
            postgresql_where=sa.text("webhook_id IS NOT NULL"),
        )
        batch_op.create_index("ix_executions_workflow_id_id", ["workflow_id", "id"], unique=False)
        batch_op.create_index("ix_executions_workspace_id_id", ["workspace_id", "id"], unique=False)

    op.create_table(
        "execution_steps",
        sa.Column("execution_id", sa.UUID(), nullable=False),
        sa.Column("step_id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.UUID(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column(
            "status",
            STEP_STATUS,
            nullable=False,
        ),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("input", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("output", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reused_from", sa.UUID(), nullable=True),
        sa.Column("items", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("attempts", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "(completed_at IS NOT NULL) = (status IN ('cancelled', 'completed', 'failed', 'skipped'))",
            name=op.f("ck_execution_steps_completed_at"),
        ),
        sa.CheckConstraint("error IS NOT NULL OR status <> 'failed'", name=op.f("ck_execution_steps_error")),
        sa.CheckConstraint("wake_at IS NULL OR status = 'waiting'", name=op.f("ck_execution_steps_wake_at")),
        sa.CheckConstraint("completed_at >= started_at", name=op.f("ck_execution_steps_ends_after_start")),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["executions.id"],
            name=op.f("fk_execution_steps_execution_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("execution_id", "step_id", name=op.f("pk_execution_steps")),
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "schedule_fires",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("schedule_id", sa.UUID(), nullable=False),
        sa.Column("scheduled_for", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("count", sa.Integer(), server_default="1", nullable=False),
        sa.Column("fired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("execution_id", sa.UUID(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('fired', 'skipped', 'missed')", name=op.f("ck_schedule_fires_outcome")
        ),
        sa.CheckConstraint("count >= 1", name=op.f("ck_schedule_fires_count")),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["executions.id"],
            name=op.f("fk_schedule_fires_execution_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name=op.f("fk_schedule_fires_schedule_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_fires")),
        sa.UniqueConstraint(
            "schedule_id", "scheduled_for", name=op.f("uq_schedule_fires_schedule_id_scheduled_for")
        ),
    )
    with op.batch_alter_table("schedule_fires", schema=None) as batch_op:
        batch_op.create_index(
            "ix_schedule_fires_execution_id",
            ["execution_id"],
            unique=False,
            postgresql_where=sa.text("execution_id IS NOT NULL"),
        )

    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("webhook_id", sa.UUID(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("delivery_id", sa.Text(), nullable=True),
        sa.Column("execution_id", sa.UUID(), nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column(
            "query", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("count", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "outcome IN ('accepted', 'duplicate', 'rejected')", name=op.f("ck_webhook_deliveries_outcome")
        ),
        sa.CheckConstraint("count >= 1", name=op.f("ck_webhook_deliveries_count")),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_deliveries_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    with op.batch_alter_table("webhook_deliveries", schema=None) as batch_op:
        batch_op.create_index(
            "ix_webhook_deliveries_rejected",
            ["webhook_id", "received_at"],
            unique=False,
            postgresql_where=sa.text("outcome = 'rejected'"),
        )
        batch_op.create_index("ix_webhook_deliveries_webhook_id_id", ["webhook_id", "id"], unique=False)
        batch_op.create_index(
            "uq_webhook_deliveries_accepted",
            ["webhook_id", "delivery_id"],
            unique=True,
            postgresql_where=sa.text("outcome = 'accepted' AND delivery_id IS NOT NULL"),
        )

    op.create_table(
        "execution_signals",
        sa.Column("execution_id", sa.UUID(), nullable=False),
        sa.Column("step_id", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["executions.id"],
            name=op.f("fk_execution_signals_execution_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("execution_id", "step_id", name=op.f("pk_execution_signals")),
    )
    op.create_table(
        "execution_step_items",
        sa.Column("execution_id", sa.UUID(), nullable=False),
        sa.Column("step_id", sa.Text(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            STEP_STATUS,
            nullable=False,
        ),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("output", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["execution_id", "step_id"],
            ["execution_steps.execution_id", "execution_steps.step_id"],
            name=op.f("fk_execution_step_items_execution_id_step_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("execution_id", "step_id", "index", name=op.f("pk_execution_step_items")),
    )
    op.create_table(
        "execution_step_logs",
        sa.Column("execution_id", sa.UUID(), nullable=False),
        sa.Column("step_id", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id", "step_id"],
            ["execution_steps.execution_id", "execution_steps.step_id"],
            name=op.f("fk_execution_step_logs_execution_id_step_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("execution_id", "step_id", "id", name=op.f("pk_execution_step_logs")),
    )
    op.execute(FINISHED_GUARD)
    op.execute("INSERT INTO installation DEFAULT VALUES")


def downgrade() -> None:
    op.drop_table("execution_step_logs")
    op.drop_table("execution_step_items")
    op.drop_table("webhook_deliveries")
    op.drop_table("schedule_fires")
    op.drop_table("execution_signals")
    op.drop_table("execution_steps")
    op.drop_table("executions")
    op.drop_table("workflow_versions")
    op.drop_table("webhooks")
    op.drop_table("schedules")
    op.drop_table("workflows")
    op.drop_table("bulk_operations")
    op.drop_table("spaces")
    op.drop_table("secrets")
    op.drop_table("idempotency_keys")
    op.drop_table("browser_tokens")
    op.drop_table("api_keys")
    op.drop_table("workspaces")
    op.drop_table("finished_counts")
    op.drop_table("tick_repairs")
    op.drop_table("installation")
    op.execute("DROP FUNCTION refuse_changes_of_finished_executions")
    for kind in reversed(TYPES):
        kind.drop(op.get_bind())

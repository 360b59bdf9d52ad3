"""A database with a million executions of many tenants, for looking at query plans."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, event

EXECUTIONS = 1_000_000
RECORDED = 100_000  # fires, and deliveries
WORKSPACE = UUID("00000000-0000-7000-8000-000000000000")
SPACE = UUID("00000000-0000-7000-8001-000000000000")
WORKFLOW = UUID("00000000-0000-7000-8002-000000000000")
SCHEDULE = UUID("00000000-0000-7000-8003-000000000000")
WEBHOOK = UUID("00000000-0000-7000-8004-000000000000")

# Workspace 0 has half of all rows: what has an even number is its own.
TENANTS = """
INSERT INTO workspaces (id, name) SELECT made_id('8000', i), 'workspace ' || i FROM generate_series(0, 20) i;
INSERT INTO spaces (id, workspace_id, name)
  SELECT made_id('8001', i), made_id('8000', owner_of(i)), 'space' FROM generate_series(0, 59) i;
INSERT INTO workflows (id, workspace_id, space_id, name, version)
  SELECT made_id('8002', i), made_id('8000', owner_of(i %% 60)), made_id('8001', i %% 60), 'workflow', 1
  FROM generate_series(0, 299) i;
INSERT INTO workflow_versions (workflow_id, number, definition, steps_total)
  SELECT id, 1, '{"steps": [{"id": "a", "type": "transform"}]}', 1 FROM workflows;
INSERT INTO schedules (id, space_id, workflow_id, name, cron, next_fire_at)
  SELECT made_id('8003', i), made_id('8001', i), made_id('8002', i), 'schedule', '0 0 * * *',
    now() + i * interval '1 s'
  FROM generate_series(0, 59) i;
INSERT INTO webhooks (id, space_id, workflow_id, name, verification)
  SELECT made_id('8004', i), made_id('8001', i), made_id('8002', i), 'webhook', '{"scheme": "none"}'
  FROM generate_series(0, 59) i;
"""

FUNCTIONS = """
CREATE FUNCTION made_id(kind text, i int) RETURNS uuid IMMUTABLE LANGUAGE sql AS
  $$ SELECT ('00000000-0000-7000-' || kind || '-' || lpad(to_hex(i), 12, '0'))::uuid $$;
CREATE FUNCTION owner_of(i int) RETURNS int IMMUTABLE LANGUAGE sql AS
  $$ SELECT CASE WHEN i %% 2 = 0 THEN 0 ELSE 1 + i / 2 %% 20 END $$;
"""

FILL = """
INSERT INTO executions (id, workspace_id, space_id, workflow_id, workflow_name, workflow_version, status,
  reason, triggered_by, input, error, created_at, started_at, completed_at, sent_at, worker,
  lease_expires_at, wake_at, steps_total, tags, schedule_id, webhook_id, retry_of)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
    || '7' || lpad(to_hex(i %% 4096), 3, '0') || '8' || substr(md5(i::text), 1, 15))::uuid,
  made_id('8000', owner_of(w %% 60)), made_id('8001', w %% 60), made_id('8002', w), 'workflow', 1,
  status::execution_status,
  CASE status WHEN 'pending' THEN CASE WHEN dice < 0.2 THEN 'overlap' ELSE 'queued' END
    WHEN 'failed' THEN 'step_failed' WHEN 'cancelled' THEN 'requested' END,
  (CASE WHEN dice < 0.2 THEN 'schedule' WHEN dice < 0.4 THEN 'webhook' ELSE 'api' END)::triggered_by, '{}',
  CASE status WHEN 'failed' THEN 'Step fetch failed: HTTP ' || 500 + i %% 5 END,
  at, CASE WHEN status <> 'pending' THEN at END,
  CASE WHEN status NOT IN ('pending', 'running') THEN at END,
  CASE WHEN status = 'pending' THEN at END,
  CASE WHEN status = 'running' AND i %% 2 = 0 THEN 'worker' END,
  CASE WHEN status = 'running' AND i %% 2 = 0 THEN now() + interval '30 s' END,
  CASE WHEN status = 'running' AND i %% 2 = 1 THEN now() + interval '1 hour' END,
  1, CASE WHEN i %% 100 = 0 THEN ARRAY['rare' || i %% 10000, 'common'] ELSE '{}' END,
  CASE WHEN dice < 0.2 THEN made_id('8003', w %% 60) END,
  CASE WHEN dice >= 0.2 AND dice < 0.4 THEN made_id('8004', w %% 60) END,
  CASE WHEN i %% 200 = 0 THEN made_id('8005', i / 1000) END
FROM (
  SELECT i, now() + (i - %(count)s) * interval '1 second' AS at, random() AS dice, (random() * 299)::int AS w,
    CASE WHEN i %% 97 < 2 THEN 'failed' WHEN i %% 101 = 0 THEN 'cancelled' WHEN i %% 211 = 0 THEN 'pending'
      WHEN i %% 499 = 0 THEN 'running' ELSE 'completed' END AS status
  FROM generate_series(1, %(count)s) i
) made
"""

RECORDS = """
INSERT INTO schedule_fires (id, schedule_id, scheduled_for, fired_at, outcome)
  SELECT made_id('8006', i), made_id('8003', i %% 60), now() - i * interval '1 s', now(), 'fired'
  FROM generate_series(1, %(count)s) i;
INSERT INTO webhook_deliveries (id, webhook_id, received_at, outcome, reason, delivery_id, method, headers)
  SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
      || '7' || lpad(to_hex(i %% 4096), 3, '0') || '8' || substr(md5(i::text), 1, 15))::uuid,
    made_id('8004', i %% 60), at, CASE WHEN i %% 50 = 0 THEN 'rejected' ELSE 'accepted' END,
    CASE WHEN i %% 50 = 0 THEN 'bad_signature' END, 'delivery ' || i, 'POST', '{}'
  FROM (SELECT i, now() - i * interval '7 s' AS at FROM generate_series(1, %(count)s) i) made
"""

LARGE = ("executions", "schedule_fires", "webhook_deliveries")
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'executions' AND indexname <> 'pk_executions'
"""


def fill(tx: Connection) -> None:
    """Make tenants and their executions: indexes afterwards, foreign keys unchecked."""
    tx.exec_driver_sql("SET session_replication_role = replica")
    tx.exec_driver_sql("SET maintenance_work_mem = '256MB'")
    tx.exec_driver_sql("SELECT setseed(0.5)")
    tx.exec_driver_sql(FUNCTIONS)
    tx.exec_driver_sql(TENANTS)
    indexes = list(tx.exec_driver_sql(INDEXES))
    for index in indexes:
        tx.exec_driver_sql(f'DROP INDEX "{index.indexname}"')
    tx.exec_driver_sql(FILL, {"count": EXECUTIONS})
    for index in indexes:
        tx.exec_driver_sql(index.indexdef)
    tx.exec_driver_sql(RECORDS, {"count": RECORDED})


@contextmanager
def statements(tx: Connection) -> Iterator[list[tuple[str, Any]]]:
    """Gather what is executed on a connection meanwhile, with its parameters."""
    heard: list[tuple[str, Any]] = []

    def hear(_tx: Any, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
        heard.append((sql, parameters))

    event.listen(tx, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(tx, "before_cursor_execute", hear)


def scans(tx: Connection, ask: Callable[[Connection], object]) -> list[dict[str, Any]]:
    """Give the plan nodes of one question that read a large table; what it changes is undone."""
    with tx.begin_nested() as undone:
        with statements(tx) as heard:
            ask(tx)
        undone.rollback()
    found: list[dict[str, Any]] = []
    for sql, parameters in heard:
        with tx.begin_nested() as undone:
            settings, _, query = sql.rpartition(";")
            if settings:
                tx.exec_driver_sql(settings, parameters)
            explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {query}"
            found += _reads(tx.exec_driver_sql(explain, parameters).scalar_one()[0]["Plan"])
            undone.rollback()
    return found


def rows_touched(node: dict[str, Any]) -> int:
    """Count the rows that a plan node looked at, whether it kept them or not."""
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return round((node["Actual Rows"] + removed) * node["Actual Loops"])


def _reads(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if node.get("Relation Name") in LARGE and node["Node Type"] != "ModifyTable":
        yield node
    for inner in node.get("Plans", []):
        yield from _reads(inner)

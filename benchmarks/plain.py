"""The two plain tables of the replaced design, without our checks, guards and partial indexes."""

from benchmarks.servers import OURS, PLAIN, Servers

TABLES = """
CREATE TABLE executions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), workspace_id uuid NOT NULL, space_id uuid,
  workflow_id uuid NOT NULL, status text NOT NULL DEFAULT 'pending', triggered_by text NOT NULL DEFAULT 'api',
  input jsonb, output jsonb, error text, started_at timestamptz, completed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON executions (workspace_id, created_at DESC);
CREATE INDEX ON executions (workflow_id);
CREATE TABLE execution_steps (
  id uuid PRIMARY KEY, execution_id uuid NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
  name text NOT NULL, status text NOT NULL, output jsonb, started_at timestamptz, completed_at timestamptz
);
CREATE INDEX ON execution_steps (execution_id);
"""

FILL = """
INSERT INTO executions (workspace_id, workflow_id, input)
SELECT '11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222', %s::jsonb
FROM generate_series(1, %s)
"""


def install(servers: Servers) -> None:
    """Make the database and its tables."""
    with servers.connected(OURS) as opened, opened.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {PLAIN}")
    with servers.connected(PLAIN) as opened, opened.cursor() as cursor:
        cursor.execute(TABLES)


def fill(servers: Servers, count: int, input_text: str) -> None:
    """Add pending executions."""
    with servers.connected(PLAIN) as opened, opened.cursor() as cursor:
        cursor.execute(FILL, [input_text, count])

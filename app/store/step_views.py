"""Steps of an execution as they are read: those that began, those that did not, their items and log lines."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row

from app.store.execution_forms import MOST_INLINE

# JSON of n bytes takes at most 8n bytes as jsonb, and Postgres writes it as text in at most 2n: what is
# larger need not be read to know that it is too long.
BINARY_TO_JSON = 8
TEXT_TO_JSON = 2
MOST_ITEM_BYTES = 8 * 1024 * 1024
EVERYTHING: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Bound:
    """The execution whose steps are read, and its version of the workflow (`workflow_id` None when gone)."""

    workspace_id: UUID
    execution_id: UUID
    workflow_id: UUID | None
    version: int
    ended: bool


STEPS = """
WITH named AS (
  SELECT d.step->>'id' AS step_id, d.step->>'type' AS type, d.step->>'name' AS name, d.position
  FROM workflow_versions v, jsonb_array_elements(v.definition->'steps') WITH ORDINALITY d(step, position)
  WHERE v.workflow_id = %(workflow)s::uuid AND v.number = %(version)s
    AND (%(step)s::text IS NULL OR d.step->>'id' = %(step)s::text)
), begun AS (
  SELECT s.*, i.text AS input_text, o.text AS output_text FROM execution_steps s
  CROSS JOIN LATERAL (
    SELECT CASE WHEN pg_column_size(s.input) <= %(binary)s THEN s.input::text END OFFSET 0) i(text)
  CROSS JOIN LATERAL (
    SELECT CASE WHEN pg_column_size(s.output) <= %(binary)s THEN s.output::text END OFFSET 0) o(text)
  WHERE s.execution_id = %(execution)s::uuid AND s.workspace_id = %(workspace)s::uuid
    AND (%(step)s::text IS NULL OR s.step_id = %(step)s::text)
)
SELECT coalesce(b.step_id, n.step_id) AS step_id,
  coalesce(b.type, n.type) AS type,
  coalesce(b.name, n.name) AS name,
  coalesce(b.status::text, CASE WHEN %(ended)s THEN 'skipped' ELSE 'pending' END) AS status,
  coalesce(b.attempt, 0) AS attempt,
  CASE WHEN octet_length(b.input_text) <= %(text)s THEN b.input_text END AS input,
  b.input IS NOT NULL AND coalesce(octet_length(b.input_text) > %(text)s, true) AS input_truncated,
  CASE WHEN octet_length(b.output_text) <= %(text)s THEN b.output_text END AS output,
  b.output IS NOT NULL AND coalesce(octet_length(b.output_text) > %(text)s, true) AS output_truncated,
  b.error, b.started_at, b.completed_at, b.wake_at, b.reused_from, b.items::text AS items,
  b.attempts::text AS attempts
FROM begun b FULL JOIN named n ON n.step_id = b.step_id
ORDER BY n.position, b.position
"""


def steps(tx: Connection, bound: Bound) -> list[Row[Any]]:
    """Read all steps in the definition's order; a long input or output is left out and marked truncated."""
    return _read(tx, bound, None, MOST_INLINE)


def step(tx: Connection, bound: Bound, step_id: str) -> Row[Any] | None:
    """Read one step whole."""
    return next(iter(_read(tx, bound, step_id, None)), None) if _storable(step_id) else None


def _read(tx: Connection, bound: Bound, step_id: str | None, most: int | None) -> list[Row[Any]]:
    given = {
        "workspace": str(bound.workspace_id),
        "execution": str(bound.execution_id),
        "workflow": None if bound.workflow_id is None else str(bound.workflow_id),
        "version": bound.version,
        "ended": bound.ended,
        "step": step_id,
        "binary": EVERYTHING if most is None else most * BINARY_TO_JSON,
        "text": EVERYTHING if most is None else most * TEXT_TO_JSON,
    }
    return list(tx.exec_driver_sql(STEPS, given))


def _storable(step_id: str) -> bool:
    """Tell whether Postgres takes the text at all: a NUL may be in an address."""
    return "\0" not in step_id


EXISTS = """
SELECT EXISTS (SELECT 1 FROM execution_steps WHERE execution_id = %(execution)s::uuid
    AND workspace_id = %(workspace)s::uuid AND step_id = %(step)s)
  OR EXISTS (SELECT 1 FROM workflow_versions WHERE workflow_id = %(workflow)s::uuid AND number = %(version)s
    AND definition->'steps' @> jsonb_build_array(jsonb_build_object('id', %(step)s::text)))
"""


def has_step(tx: Connection, bound: Bound, step_id: str) -> bool:
    """Tell whether an execution has such a step, begun or not."""
    if not _storable(step_id):
        return False
    given = {
        "workspace": str(bound.workspace_id),
        "execution": str(bound.execution_id),
        "workflow": None if bound.workflow_id is None else str(bound.workflow_id),
        "version": bound.version,
        "step": step_id,
    }
    return bool(tx.exec_driver_sql(EXISTS, given).scalar_one())


# A page of large outputs ends early, after its first row at least; `found` counts the rows without that.
ITEMS = """
SELECT index, status::text AS status, attempt, output::text AS output, error, found FROM (
  SELECT *, count(*) OVER () AS found, sum(size) OVER (ORDER BY index) - size AS before
  FROM (
    SELECT i.*, coalesce(pg_column_size(i.output), 0) AS size FROM execution_step_items i
    WHERE i.execution_id = %(execution)s::uuid AND i.step_id = %(step)s AND i.index > %(after)s
    ORDER BY i.index LIMIT %(limit)s
  ) sized
) summed WHERE before <= %(bytes)s ORDER BY index
"""


def items(tx: Connection, bound: Bound, step_id: str, after: int, limit: int) -> list[Row[Any]]:
    """Read items of a forEach after an index, at most `limit`; fewer than `found` where outputs are large."""
    given = {
        "execution": str(bound.execution_id),
        "step": step_id,
        "after": after,
        "limit": limit,
        "bytes": MOST_ITEM_BYTES,
    }
    return list(tx.exec_driver_sql(ITEMS, given))


LOGS = """
SELECT l.id, l.at, l.level, l.message FROM execution_step_logs l
WHERE l.execution_id = %(execution)s::uuid AND l.step_id = %(step)s AND l.id > %(after)s
ORDER BY l.id LIMIT %(limit)s
"""


def logs(tx: Connection, bound: Bound, step_id: str, after: int, limit: int) -> list[Row[Any]]:
    """Read lines of a step's log after a line's id, at most `limit` of them."""
    given = {"execution": str(bound.execution_id), "step": step_id, "after": after, "limit": limit}
    return list(tx.exec_driver_sql(LOGS, given))

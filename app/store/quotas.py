"""The quotas of workspaces, reckoned from rows alone: nothing is counted up that could leak.

A place is what an execution at work takes: one that runs and does not wait. Beyond the places of its
workspace, or of its workflow, an execution stays pending as `concurrency` and is not sent: it is held.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app.store import arrays

LOWEST = "00000000-0000-0000-0000-000000000000"

HELD = "e.status = 'pending' AND e.reason = 'concurrency'"
QUEUED = "e.status = 'pending' AND e.reason = 'queued' AND e.sent_at IS NOT NULL"
AT_WORK = "e.status = 'running' AND e.waiting_since IS NULL"
# What woke and found no place: the claim took its sending back.
PUT_OFF = "e.status = 'running' AND e.worker IS NULL AND e.waiting_since IS NOT NULL AND e.sent_at IS NULL"

# A crowd comes faster than statistics. Each question below asks for the order of the one index that is made
# for it, and sorting instead is out of the question; so none reads a crowd to find a few.
IN_ORDER = "SET LOCAL enable_sort = off;"

# Locked, so that of two workers the second counts what the first has claimed.
LOCK = """
SELECT FROM workspaces WHERE id = ANY(ARRAY(
  SELECT workspace_id FROM executions WHERE id = ANY(%(ids)s::uuid[])))
ORDER BY id FOR NO KEY UPDATE
"""


def at_work(workspace: str, more: str = "") -> str:
    """Write the SQL that counts what is at work in a workspace; `more` narrows it down."""
    rows = f"SELECT FROM executions e WHERE e.workspace_id = {workspace} AND {AT_WORK} {more}"
    return f"(SELECT count(*) FROM ({rows} ORDER BY e.lease_expires_at) counted)"  # noqa: S608


def queued(workspace: str, more: str = "", limit: str = "ALL") -> str:
    """Write the SQL that counts what is queued in a workspace, up to `limit`."""
    rows = f"SELECT FROM executions e WHERE e.workspace_id = {workspace} AND {QUEUED} {more}"
    return f"(SELECT count(*) FROM ({rows} ORDER BY e.sent_at LIMIT {limit}) counted)"  # noqa: S608


SPACE = f"""w.max_concurrent_executions - {at_work("w.id")}
    - {queued("w.id", limit="w.max_concurrent_executions")}"""
FLOW = f"""f.max_concurrency - {at_work("f.workspace_id", "AND e.workflow_id = f.id")}
    - {queued("f.workspace_id", "AND e.workflow_id = f.id")}"""


def any_of(rows: str, workspace: str) -> str:
    """Write the SQL that tells whether a workspace has executions that are HELD, or PUT_OFF."""
    return f"""EXISTS (SELECT FROM (SELECT e.workspace_id FROM executions e
    WHERE (e.workspace_id, e.workflow_id) > ({workspace}, %(lowest)s::uuid) AND {rows}
    ORDER BY e.workspace_id, e.workflow_id LIMIT 1) h WHERE h.workspace_id = {workspace})"""  # noqa: S608


def waits(workspace: str) -> str:
    """Write the SQL that tells whether anything in a workspace waits for a place."""
    return f"({any_of(HELD, workspace)} OR {any_of(PUT_OFF, workspace)})"


def flows_of(rows: str, name: str) -> str:
    """Write the CTE that lists the workflows of the `crowded` that have such executions: one look each."""
    return f"""{name}(workspace_id, places, next, workflow_id) AS (
  SELECT c.id, c.places, n.* FROM crowded c LEFT JOIN LATERAL (
    SELECT e.workspace_id, e.workflow_id FROM executions e
    WHERE (e.workspace_id, e.workflow_id) > (c.id, %(lowest)s::uuid) AND {rows}
    ORDER BY e.workspace_id, e.workflow_id LIMIT 1) n ON true
  WHERE c.places > 0
  UNION ALL
  SELECT f.workspace_id, f.places, n.* FROM {name} f LEFT JOIN LATERAL (
    SELECT e.workspace_id, e.workflow_id FROM executions e
    WHERE (e.workspace_id, e.workflow_id) > (f.workspace_id, f.workflow_id) AND {rows}
    ORDER BY e.workspace_id, e.workflow_id LIMIT 1) n ON true
  WHERE f.next = f.workspace_id
)"""  # noqa: S608


# The lines of the workspaces that have places: of each workflow those that woke and were put off, in turn 0,
# and those that are held, in turn 1; and how many places are the workflow's own.
LINES = f"""
crowded AS (
  SELECT w.id, {SPACE} AS places FROM workspaces w WHERE w.id = ANY(%(workspaces)s::uuid[])
), {flows_of(PUT_OFF, "woken")}, {flows_of(HELD, "held")}, flows AS (
  SELECT workspace_id, workflow_id, places, 0 AS turn FROM woken WHERE next = workspace_id
  UNION ALL
  SELECT workspace_id, workflow_id, places, 1 FROM held WHERE next = workspace_id
), narrow AS (
  SELECT DISTINCT l.workspace_id FROM flows l JOIN workflows f ON f.id = l.workflow_id
  WHERE f.max_concurrency IS NOT NULL
), busy AS MATERIALIZED (
  SELECT b.workflow_id, count(*) AS number FROM narrow n CROSS JOIN LATERAL (
    (SELECT e.workflow_id FROM executions e WHERE e.workspace_id = n.workspace_id AND {AT_WORK}
     ORDER BY e.lease_expires_at)
    UNION ALL
    (SELECT e.workflow_id FROM executions e WHERE e.workspace_id = n.workspace_id AND {QUEUED}
     ORDER BY e.sent_at)) b
  GROUP BY b.workflow_id
), lines AS (
  SELECT l.*, CASE WHEN f.max_concurrency IS NULL THEN l.places
    ELSE f.max_concurrency - coalesce(b.number, 0) END AS own
  FROM flows l JOIN workflows f ON f.id = l.workflow_id LEFT JOIN busy b ON b.workflow_id = l.workflow_id
)
"""  # noqa: S608 -- the conditions are constants of this module

PLACES = f"""
{IN_ORDER}
SELECT w.id, {SPACE} AS places, {waits("w.id")} AS crowded
FROM workspaces w WHERE w.id = ANY(%(workspaces)s::uuid[])
UNION ALL
SELECT f.id, {FLOW}, false FROM workflows f
WHERE f.id = ANY(%(workflows)s::uuid[]) AND f.max_concurrency IS NOT NULL
"""  # noqa: S608 -- the conditions are constants of this module

PLACES_LEFT = f"""
{IN_ORDER}
WITH RECURSIVE {LINES}
SELECT c.id, CASE WHEN EXISTS (SELECT FROM lines l WHERE l.workspace_id = c.id AND l.own > 0)
  THEN 0 ELSE c.places END AS places FROM crowded c
"""  # noqa: S608 -- the conditions are constants of this module


def places(tx: Connection, workspaces: set[UUID], workflows: set[UUID]) -> dict[UUID, int]:
    """Count the places that a newcomer may take, by workspace, and by limited workflow.

    They are those that nothing has taken or is on its way to. A workspace has none while anything there lacks
    nothing but such a place: it came first.
    """
    given = {"workspaces": arrays.ids(workspaces), "workflows": arrays.ids(workflows), "lowest": LOWEST}
    rows = tx.exec_driver_sql(PLACES, given).all()
    free = {row.id: row.places for row in rows}
    if crowded := [row.id for row in rows if row.crowded and row.places > 0]:
        # Counted anew: whoever was in line may have got the place in between.
        given["workspaces"] = arrays.ids(crowded)
        free |= {row.id: row.places for row in tx.exec_driver_sql(PLACES_LEFT, given)}
    return free


CROWDED = f"""
{IN_ORDER}
SELECT w FROM unnest(%(workspaces)s::uuid[]) w WHERE {waits("w")}
"""  # noqa: S608 -- the conditions are constants of this module

# Looks into the indexes once a workspace, not once a row.
ALL_CROWDED = f"""
{IN_ORDER}
WITH RECURSIVE held(w) AS (
  (SELECT e.workspace_id FROM executions e WHERE {HELD}
   ORDER BY e.workspace_id, e.workflow_id, e.id LIMIT 1)
  UNION ALL
  SELECT (SELECT e.workspace_id FROM executions e WHERE {HELD} AND e.workspace_id > held.w
          ORDER BY e.workspace_id, e.workflow_id, e.id LIMIT 1) FROM held WHERE held.w IS NOT NULL
), put_off AS (
  SELECT e.workspace_id FROM executions e WHERE {PUT_OFF}
  ORDER BY e.workspace_id, e.workflow_id, e.waiting_since
)
SELECT w FROM held WHERE w IS NOT NULL UNION SELECT workspace_id FROM put_off LIMIT %(limit)s
"""  # noqa: S608 -- the conditions are constants of this module

# The oldest of each workflow while it has places, the oldest of those while the workspace has places; what
# woke and was put off goes first. Another release that runs now takes other rows, and the claim has the last
# word.
RELEASE = f"""
{IN_ORDER}
WITH RECURSIVE {LINES}, oldest AS (
  SELECT h.id, l.* FROM lines l
  CROSS JOIN LATERAL (SELECT e.id, e.workflow_id FROM executions e
    WHERE (e.workspace_id, e.workflow_id, e.id) > (l.workspace_id, l.workflow_id, %(lowest)s::uuid) AND {HELD}
    ORDER BY e.workspace_id, e.workflow_id, e.id LIMIT greatest(0, least(l.places, l.own))) h
  WHERE l.turn = 1 AND l.own > 0 AND h.workflow_id = l.workflow_id
  UNION ALL
  SELECT p.id, l.* FROM lines l
  CROSS JOIN LATERAL (SELECT e.id, e.workflow_id FROM executions e
    WHERE (e.workspace_id, e.workflow_id) >= (l.workspace_id, l.workflow_id) AND {PUT_OFF}
    ORDER BY e.workspace_id, e.workflow_id, e.waiting_since
    LIMIT greatest(0, least(l.places, l.own))) p
  WHERE l.turn = 0 AND l.own > 0 AND p.workflow_id = l.workflow_id
), fitting AS (
  SELECT *, row_number() OVER (PARTITION BY workflow_id ORDER BY turn, id) AS m FROM oldest
), ranked AS (
  SELECT id, places, row_number() OVER (PARTITION BY workspace_id ORDER BY turn, id) AS n FROM fitting
  WHERE m <= own
), picked AS (
  SELECT e.id FROM executions e WHERE e.id = ANY(ARRAY(SELECT id FROM ranked WHERE n <= places))
    AND (e.status = 'pending' AND e.reason = 'concurrency' OR e.sent_at IS NULL)
  ORDER BY e.id LIMIT %(limit)s FOR NO KEY UPDATE OF e SKIP LOCKED
)
UPDATE executions e SET reason = CASE WHEN e.status = 'pending' THEN 'queued' END,
  sent_at = clock_timestamp(), send_no = e.send_no + 1
FROM picked WHERE e.id = picked.id
RETURNING e.id, e.workspace_id, e.send_no, e.sent_at
"""  # noqa: S608 -- the conditions are constants of this module


def release(tx: Connection, workspaces: Sequence[UUID], limit: int = 1000) -> list[Row[Any]]:
    """Queue what is held in workspaces as far as there are places; gives what the tickets need, in order."""
    given = {"workspaces": arrays.ids(workspaces), "limit": limit, "lowest": LOWEST}
    crowded = [row.w for row in tx.exec_driver_sql(CROWDED, given)]
    if not crowded:
        return []
    given["workspaces"] = arrays.ids(crowded)
    return sorted(tx.exec_driver_sql(RELEASE, given), key=lambda row: row.id)


def all_crowded(tx: Connection, limit: int = 1000) -> list[UUID]:
    """Name the workspaces in which something is held."""
    return [row.w for row in tx.exec_driver_sql(ALL_CROWDED, {"limit": limit})]


LIMITS = """
SELECT id, max_pending_executions AS pending, executions_per_day AS day FROM workspaces
WHERE id = ANY(%(workspaces)s::uuid[])
"""

LOCK_EXACT = """
SELECT FROM workspaces WHERE id = ANY(%(workspaces)s::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""

PENDING = """
SELECT count(*) FROM (SELECT FROM executions WHERE workspace_id = %(workspace)s AND status = 'pending'
  LIMIT %(most)s) p
"""

# UUIDv7 ids begin with the milliseconds of their making, so those of today are one range of the index.
TODAY = """
SELECT count(*) FROM (SELECT FROM executions WHERE workspace_id = %(workspace)s AND id >= rpad(
  lpad(to_hex((extract(epoch FROM date_trunc('day', now(), 'UTC')) * 1000)::bigint), 12, '0'), 32, '0')::uuid
  LIMIT %(most)s) t
"""

LEFT_OF_DAY = """
SELECT ceil(extract(epoch FROM date_trunc('day', now(), 'UTC') + interval '1 day' - now()))::int
"""


def limits(tx: Connection, workspaces: set[UUID]) -> dict[UUID, Row[Any]]:
    """Read how many may be `pending`, and how many may be made a `day` (None: any number), by workspace."""
    return {row.id: row for row in tx.exec_driver_sql(LIMITS, {"workspaces": arrays.ids(workspaces)})}


def lock_exactly(tx: Connection, workspaces: Sequence[UUID]) -> None:
    """Lock workspaces in id order, so that nobody else makes executions there before we commit."""
    tx.exec_driver_sql(LOCK_EXACT, {"workspaces": arrays.ids(workspaces)})


def pending(tx: Connection, workspace_id: UUID, most: int) -> int:
    """Count the pending executions of a workspace, up to `most`."""
    given = {"workspace": str(workspace_id), "most": most}
    return int(tx.exec_driver_sql(PENDING, given).scalar_one())


def made_today(tx: Connection, workspace_id: UUID, most: int) -> int:
    """Count what was made in a workspace since midnight UTC, up to `most`."""
    given = {"workspace": str(workspace_id), "most": most}
    return int(tx.exec_driver_sql(TODAY, given).scalar_one())


def seconds_left_of_day(tx: Connection) -> int:
    """Give the seconds until midnight UTC."""
    return int(tx.exec_driver_sql(LEFT_OF_DAY).scalar_one())

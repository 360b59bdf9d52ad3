"""The raw cost of the same rows, a program: no queue, no engine, only the moves of known executions.

python -m benchmarks.raw singly CONNECTIONS PART PARTS     our tables, each move its own commit
python -m benchmarks.raw grouped SIZE PART PARTS           our tables, two commits for SIZE executions
python -m benchmarks.raw grouped-plain SIZE PART PARTS     the same on the two plain tables
"""

import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg2
from psycopg2.extensions import connection, cursor

OUTPUT = '{"message": "' + "y" * 186 + '"}'


@dataclass(frozen=True, slots=True)
class Moves:
    """The three statements of an execution: `claim` takes an id or ids, the others ids and outputs."""

    claim: str
    record: str
    settle: str


ONE_OF_OURS = Moves(
    claim="""
UPDATE executions SET status = 'running', reason = NULL, worker = 'raw', claim_no = claim_no + 1,
  lease_expires_at = now() + interval '30 seconds', started_at = clock_timestamp()
WHERE id = %s AND status = 'pending' RETURNING id::text, workspace_id, input
""",
    record="""
INSERT INTO execution_steps (execution_id, step_id, workspace_id, position, type, status, attempt, output,
  started_at, completed_at)
SELECT id, 'only', workspace_id, 0, 'transform', 'completed', 1, %s, clock_timestamp(), clock_timestamp()
FROM executions WHERE id = %s
""",
    settle="""
UPDATE executions SET status = 'completed', output = %s, completed_at = clock_timestamp(), steps_done = 1,
  worker = NULL, lease_expires_at = NULL
WHERE id = %s
""",
)

MANY_OF_OURS = Moves(
    claim=ONE_OF_OURS.claim.replace("id = %s", "id = ANY(%s::uuid[])"),
    record="""
INSERT INTO execution_steps (execution_id, step_id, workspace_id, position, type, status, attempt, output,
  started_at, completed_at)
SELECT e.id, 'only', e.workspace_id, 0, 'transform', 'completed', 1, u.output,
  clock_timestamp(), clock_timestamp()
FROM unnest(%s::jsonb[], %s::uuid[]) u(output, id) JOIN executions e USING (id)
""",
    settle="""
UPDATE executions e SET status = 'completed', output = u.output, completed_at = clock_timestamp(),
  steps_done = 1, worker = NULL, lease_expires_at = NULL
FROM unnest(%s::jsonb[], %s::uuid[]) u(output, id) WHERE e.id = u.id
""",
)

MANY_PLAIN = Moves(
    claim="""
UPDATE executions SET status = 'running', started_at = clock_timestamp()
WHERE id = ANY(%s::uuid[]) AND status = 'pending' RETURNING id::text, workspace_id, input
""",
    record="""
INSERT INTO execution_steps
SELECT gen_random_uuid(), u.id, 'only', 'completed', u.output, clock_timestamp(), clock_timestamp()
FROM unnest(%s::jsonb[], %s::uuid[]) u(output, id)
""",
    settle="""
UPDATE executions e SET status = 'completed', output = u.output, completed_at = clock_timestamp()
FROM unnest(%s::jsonb[], %s::uuid[]) u(output, id) WHERE e.id = u.id
""",
)


def singly(ids: Sequence[str], connections: int) -> None:
    """Deal the executions out to connections; each takes one after the other."""

    def work(own: Sequence[str]) -> None:
        with _connected() as opened, opened.cursor() as cursor:
            opened.autocommit = True
            for execution_id in own:
                cursor.execute(ONE_OF_OURS.claim, [execution_id])
                cursor.fetchone()
                cursor.execute(ONE_OF_OURS.record, [OUTPUT, execution_id])
                cursor.execute(ONE_OF_OURS.settle, [OUTPUT, execution_id])

    shares = [ids[number::connections] for number in range(connections)]
    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def grouped(ids: Sequence[str], size: int, moves: Moves) -> None:
    """Move whole groups: one commit claims, one records the steps and settles."""
    with _connected() as opened, opened.cursor() as cursor:
        for start in range(0, len(ids), size):
            cursor.execute(moves.claim, [ids[start : start + size]])
            group = [row[0] for row in cursor.fetchall()]
            opened.commit()
            _finish(cursor, moves, group)
            opened.commit()


def _finish(cursor: cursor, moves: Moves, group: Sequence[str]) -> None:
    outputs = [OUTPUT] * len(group)
    cursor.execute(moves.record, [outputs, group])
    cursor.execute(moves.settle, [outputs, group])


def _connected() -> connection:
    return psycopg2.connect(os.environ["DATABASE_URL"])


WAYS: dict[str, Callable[[Sequence[str], int], None]] = {
    "singly": singly,
    "grouped": lambda ids, size: grouped(ids, size, MANY_OF_OURS),
    "grouped-plain": lambda ids, size: grouped(ids, size, MANY_PLAIN),
}


def main(way: str, number: int, part: int, parts: int) -> None:
    """Do this process's part of all executions."""
    with _connected() as opened, opened.cursor() as cursor:
        cursor.execute("SELECT id::text FROM executions ORDER BY id")
        ids = [execution_id for (execution_id,) in cursor.fetchall()]
    WAYS[way](ids[part::parts], number)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))

"""What must be true after any faults: rows, history, acknowledgements and effects, held together."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from app.states import FINAL, MOVES, STEP_FINAL, Status
from tests.faults.effects import Effect
from tests.faults.stand import Stand

Json = Any
EXECUTIONS = """
SELECT id::text AS id, status::text AS status, reason, error, input, output, created_at, started_at,
  completed_at, worker, steps_done, steps_total, takeovers, claim_no FROM executions
"""
STEPS = """
SELECT execution_id::text AS execution_id, step_id, status::text AS status, type, started_at, completed_at
FROM execution_steps
"""
UNFINISHED = "SELECT count(*) AS left FROM executions WHERE status IN ('pending', 'running')"
DIGEST = """
SELECT md5(string_agg(e::text, '|' ORDER BY e.id)) AS executions,
  (SELECT md5(string_agg(s::text, '|' ORDER BY s.execution_id, s.step_id)) FROM execution_steps s
   JOIN executions x ON x.id = s.execution_id WHERE x.status IN ('completed', 'failed', 'cancelled')) AS steps
FROM executions e WHERE e.status IN ('completed', 'failed', 'cancelled')
"""


@dataclass
class Expected:
    """What callers were told, and what has to come of it."""

    accepted: dict[str, Json]
    cancelled: set[str] = field(default_factory=set)
    crashed: set[str] = field(default_factory=set)
    effects: tuple[str, ...] = ()

    def end_of(self, execution_id: str) -> Status:
        """Tell how an execution has to end."""
        if execution_id in self.crashed:
            return Status.FAILED
        return Status.CANCELLED if execution_id in self.cancelled else Status.COMPLETED


@dataclass
class Verdict:
    """The faults that were found (none is a pass), and figures."""

    faults: list[str] = field(default_factory=list)
    figures: dict[str, Json] = field(default_factory=dict)


def unfinished(stand: Stand) -> int:
    """Count the executions that have not ended."""
    left: int = stand.sql(UNFINISHED)[0].left
    return left


def digest(stand: Stand) -> tuple[str, str]:
    """Give a fingerprint of all that has ended."""
    [row] = stand.sql(DIGEST)
    return row.executions, row.steps


def judge(stand: Stand, expected: Expected) -> Verdict:
    """Look at everything once all faults are over and everything had time to end."""
    rows = {row.id: row for row in stand.sql(EXECUTIONS)}
    steps = stand.sql(STEPS)
    effects = stand.effects.seen
    verdict = Verdict()
    verdict.faults += [*_ends(rows, expected), *_steps(rows, steps), *_history(stand)]
    verdict.faults += _effects(rows, completions(stand), effects, expected.effects)
    calls = Counter(effect.key for effect in effects)
    verdict.figures = {
        "acknowledged": len(expected.accepted),
        "ends": dict(Counter(row.status for row in rows.values())),
        "lost": len(expected.accepted.keys() - rows.keys()),
        "stuck": sum(row.status not in FINAL for row in rows.values()),
        "taken over": sum(row.takeovers > 0 for row in rows.values()),
        "claims": sum(row.claim_no for row in rows.values()),
        "effects": len(calls),
        "effects repeated before their step completed": sum(count > 1 for count in calls.values()),
    }
    return verdict


def _ends(rows: dict[str, Row[Any]], expected: Expected) -> Iterator[str]:
    """Each acknowledged execution is there and ended as it had to; there is no other."""
    for execution_id in expected.accepted.keys() - rows.keys():
        yield f"lost: {execution_id}"
    for execution_id in rows.keys() - expected.accepted.keys():
        yield f"nobody was told of {execution_id}"
    for execution_id, given in expected.accepted.items():
        if (row := rows.get(execution_id)) is None:
            continue
        end = expected.end_of(execution_id)
        if row.status != end:
            yield f"{execution_id} is {row.status} ({row.reason}: {row.error}), not {end}"
        if row.status == Status.COMPLETED and given is not None and row.output != given:
            yield f"{execution_id} has the output {row.output}, not {given}"


def _steps(rows: dict[str, Row[Any]], steps: list[Row[Any]]) -> Iterator[str]:
    """What has ended has no step in flight, and no owner; what completed has all its steps completed."""
    of: dict[str, list[Row[Any]]] = defaultdict(list)
    for step in steps:
        of[step.execution_id].append(step)
    for row in rows.values():
        if row.status not in FINAL:
            continue
        open_steps = [step.step_id for step in of[row.id] if step.status not in STEP_FINAL]
        if open_steps or row.worker is not None:
            yield f"{row.id} is {row.status}, yet has {open_steps or row.worker}"
        ended = Counter(step.status for step in of[row.id])
        if row.status == Status.COMPLETED and ended != Counter({"completed": row.steps_total}):
            yield f"{row.id} completed with the steps {dict(ended)}, recorded as {row.steps_done} done"


HISTORY = "SELECT * FROM audit ORDER BY execution_id, n"
COMPLETIONS = """
SELECT execution_id, step_id, min(at) AS at FROM audit
WHERE step_id IS NOT NULL AND new_status = 'completed' GROUP BY execution_id, step_id
"""


def completions(stand: Stand) -> dict[str, datetime]:
    """Tell when each completed step was written, by the clock of the database and not by that of a worker."""
    return {f"{row.execution_id}:{row.step_id}": row.at for row in stand.sql(COMPLETIONS)}


def _history(stand: Stand) -> Iterator[str]:
    """Only legal moves; claims rise one by one; one owner at a time; nothing changes after the end."""
    ended_in: dict[UUID, Any] = {}
    for change in stand.sql(HISTORY):
        if change.step_id is not None:
            yield from _step_change(change, ended_in)
        else:
            yield from _move(change)
            if change.new_status in FINAL:
                ended_in[change.execution_id] = change.tx


def _step_change(change: Row[Any], ended_in: dict[UUID, Any]) -> Iterator[str]:
    name = f"{change.execution_id}:{change.step_id}"
    if change.old_status in STEP_FINAL:
        yield f"{name} was {change.old_status} and was written again as {change.new_status} ({change.at})"
    if change.execution_id in ended_in and ended_in[change.execution_id] != change.tx:
        yield f"{name} became {change.new_status} after its execution had ended ({change.at})"


def _move(change: Row[Any]) -> Iterator[str]:
    old, new = Status(change.old_status), Status(change.new_status)
    where = f"{change.execution_id} at {change.at}"
    if old in FINAL:
        yield f"{where}: changed after its end as {old}"
    elif new is not old and new not in MOVES[old]:
        yield f"{where}: went from {old} to {new}"
    if change.new_claim not in (change.old_claim, change.old_claim + 1):
        yield f"{where}: claim {change.old_claim} became {change.new_claim}"
    claimed = change.new_worker is not None and change.new_claim == change.old_claim + 1
    if change.new_worker not in (None, change.old_worker) and not claimed:
        yield f"{where}: got the owner {change.new_worker} without a claim"
    if change.old_worker is not None and change.new_worker not in (None, change.old_worker):
        yield f"{where}: went from {change.old_worker} to {change.new_worker}, who took it from its owner"


def _effects(
    rows: dict[str, Row[Any]], ended: dict[str, datetime], effects: list[Effect], names: tuple[str, ...]
) -> Iterator[str]:
    """Each effect of a completed step happened, under the step's own key, and never after it completed."""
    seen: dict[str, list[Effect]] = defaultdict(list)
    for effect in effects:
        seen[effect.key].append(effect)
        at = ended.get(effect.key)
        if at is not None and effect.arrived > at.timestamp():
            yield f"{effect.key} was on record at {at}, and was asked for at {_at(effect.arrived)}"
    known = {f"{execution_id}:{name}" for execution_id in rows for name in names}
    for key in seen.keys() - known:
        yield f"an effect came under the key {key!r}, which is no step's"
    for key in known & ended.keys():
        if not any(effect.answered is not None for effect in seen[key]):
            yield f"{key} completed, and its effect was never answered"


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds).astimezone()

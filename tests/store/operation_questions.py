"""What bulk operations, retention, overdue executions and metrics ask of a million executions."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from app.store import counters, overdue, readiness, retention, selections, stuck
from app.store.execution_filters import Filters, Place
from app.store.selections import Walk
from tests.store.million import SPACE, WORKSPACE

NOW = datetime.now(UTC)
BATCH = 1_000
IDS = [UUID(int=7), UUID(int=8)]
EVERYWHERE, IN_SPACE = Place(WORKSPACE, None), Place(WORKSPACE, SPACE)
Question = Callable[[Connection], object]

WALKED = ("no filter", "two statuses", "workflowId and status", "webhookId", "tag of none", "error of none")

# A part is too old to be kept, most of all where less than a week is kept, and most has been counted.
PREPARE = """
UPDATE workspaces SET retention_days = CASE name WHEN 'workspace 0' THEN 8 ELSE 3 END;
INSERT INTO finished_counts (status, total, until) VALUES ('failed', 0, now() - interval '10 minutes')
"""


def operation_questions(filters: Mapping[str, Filters]) -> dict[str, Question]:
    """Give the questions by name; bulk operations ask with some of the filters of lists."""
    return {
        **{f"bulk: {label}": _search(Walk(IN_SPACE, filters[label], NOW), _MIDDLE) for label in WALKED},
        "bulk: all": _search(Walk(EVERYWHERE, Filters(), NOW), None),
        "bulk: ids": lambda tx: selections.known(tx, IN_SPACE, IDS),
        "bulk: ids and filters": lambda tx: selections.narrowed(tx, EVERYWHERE, filters["error"], IDS),
        "tick: overdue": lambda tx: overdue.end(tx, BATCH),
        "tick: children of what was overdue": lambda tx: overdue.awaited_children(tx, IDS),
        "tick: retention": lambda tx: retention.old_executions(tx, BATCH),
        "tick: retention deletes": lambda tx: retention.delete_executions(tx, IDS),
        "tick: retention of fires": lambda tx: retention.delete_fires(tx, BATCH),
        "tick: counts what ended": lambda tx: counters.fold_finished(tx, 15),
        "metrics: what ended": counters.finished,
        "readiness": readiness.vitals,
        "doctor: late": lambda tx: stuck.count(tx, 10, 3),
        "doctor: lost": lambda tx: stuck.lost(tx, NOW - timedelta(days=30)),
        "doctor: held": lambda tx: stuck.held(tx, 60),
    }


_MIDDLE = UUID(int=int((NOW - timedelta(days=6)).timestamp() * 1000) << 80)


def _search(walk: Walk, after: UUID | None) -> Question:
    return lambda tx: selections.search(tx, walk, after, 500, 0.25)

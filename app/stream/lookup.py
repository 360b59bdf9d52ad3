"""What streams ask the database: each question once for all of them, and no connection is held in between."""

import time
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row

from app.announcements import Pair
from app.services.transaction import reading
from app.states import FINAL
from app.store import step_views, stream_views
from app.store.execution_filters import first_id_at
from app.store.step_views import Bound
from app.stream.watch import Watch

RECENT_SECONDS: Final = 20.0
MOST_RECENT: Final = 500
READ_MANY: Final = 1_000

Steps = dict[UUID, list[Row[Any]]]


def read(pairs: Collection[Pair]) -> list[Row[Any]]:
    """Read executions in list form, oldest first."""
    rows: list[Row[Any]] = []
    ordered = list(pairs)
    for start in range(0, len(ordered), READ_MANY):
        some = ordered[start : start + READ_MANY]
        with reading() as tx:
            rows += stream_views.listed(tx, list({pair[0] for pair in some}), [pair[1] for pair in some])
    return rows


def recent(workspace_ids: Sequence[UUID]) -> list[Pair]:
    """Name what may have changed of late in some workspaces, whether or not it was announced."""
    if not workspace_ids:
        return []
    since = first_id_at(datetime.fromtimestamp(time.time() - RECENT_SECONDS, UTC))
    with reading() as tx:
        rows = stream_views.recent(tx, workspace_ids, since, MOST_RECENT)
    return [(row.workspace_id, row.id) for row in rows]


def all_steps(row: Row[Any]) -> list[Row[Any]]:
    """Read all steps of an execution, as its detail shows them."""
    with reading() as tx:
        return step_views.steps(tx, _bound(row))


def new_steps(watched: Sequence[tuple[Watch, Row[Any]]]) -> Steps:
    """Read those steps of watched executions that their streams do not know yet, as the detail shows them."""
    if not watched:
        return {}
    with reading() as tx:
        begun: dict[UUID, list[Row[Any]]] = {row.id: [] for _, row in watched}
        for step in stream_views.step_states(tx, [watch.workspace_id for watch, _ in watched], list(begun)):
            begun[step.execution_id].append(step)
        return {row.id: _new_steps(tx, watch, row, begun[row.id]) for watch, row in watched}


def _new_steps(tx: Connection, watch: Watch, row: Row[Any], begun: Sequence[Row[Any]]) -> list[Row[Any]]:
    """At the end all steps are read: those that never began are skipped by then, and have no row."""
    ended = row.status in FINAL
    new = set(watch.new_steps(begun))
    if not new and not ended:
        return []
    shown = step_views.steps(tx, _bound(row))
    if ended:
        new |= set(watch.new_steps(shown))
    return [step for step in shown if step.step_id in new]


def gone_spaces(places: Iterable[tuple[UUID, UUID]]) -> set[UUID]:
    """Tell which of some (workspace, space) were deleted."""
    pairs = set(places)
    if not pairs:
        return set()
    workspaces, spaces = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    with reading() as tx:
        return set(spaces) - stream_views.live_spaces(tx, workspaces, spaces)


def _bound(row: Row[Any]) -> Bound:
    return Bound(row.workspace_id, row.id, row.workflow_id, row.workflow_version, row.status in FINAL)

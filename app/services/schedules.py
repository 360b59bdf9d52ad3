"""Schedules: made, changed and looked at here; the clock fires them in `firing`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from app import strictjson
from app.clock import new_id
from app.errors import NotFound
from app.services.admission import check_input
from app.services.cron import BadCron, BadZone, Cron, parse
from app.services.paging import Listing, Page
from app.services.scope import Scope
from app.services.transaction import reading, transaction
from app.store import schedules as store
from app.store.executions import triggerable
from app.store.schedules import Key

UPCOMING = 5
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule, and the next instants at which it is due; none while it is disabled."""

    id: UUID
    workspace_id: UUID
    space_id: UUID
    workflow_id: UUID
    name: str
    cron: str
    timezone: str
    input: Any
    enabled: bool
    overlap: str
    catch_up: str
    next_fire_at: datetime | None
    last_fired_at: datetime | None
    created_at: datetime
    upcoming: list[datetime]


@dataclass(frozen=True, slots=True)
class Preview:
    """One instant of a pattern, and what clocks in its zone show then."""

    at: datetime
    local: str
    offset: str


def preview(cron: str, timezone: str, count: int, after: datetime | None) -> list[Preview]:
    """Give the next `count` instants of a pattern after a moment, by default after now."""
    if after is None:
        with reading() as tx:
            after = store.database_now(tx)
    found = parse(cron, timezone)
    return [_preview(found, instant) for instant in found.instants(after, count)]


def create(scope: Scope, values: Mapping[str, Any]) -> Schedule:
    """Make a schedule that counts from now; raise NotFound for a workflow that is not in this space.

    Raises ValidationFailed for an input that does not fit the workflow's inputSchema.
    """
    key = _key(scope, new_id())
    with transaction() as tx:
        _hold_workflow(tx, key, values["workflow_id"])
        _require_fit(tx, key, values["workflow_id"], values["input"])
        due = _next(tx, values["cron"], values["timezone"]) if values["enabled"] else None
        store.create(tx, key, dict(values) | {"next_fire_at": due})
        return _schedule(_found(store.get(tx, key), key.id))


def show(scope: Scope, schedule_id: UUID) -> Schedule:
    """Read one schedule; raise NotFound."""
    with reading() as tx:
        return _schedule(_found(store.get(tx, _key(scope, schedule_id)), schedule_id))


def page(scope: Scope, cursor: str | None, limit: int) -> Page[Schedule]:
    """List the schedules of a space, newest first."""
    listing = Listing("schedules", scope.workspace_id, scope.space_id)
    before = listing.position(cursor)
    with reading() as tx:
        rows = store.page(tx, scope.workspace_id, scope.named_space_id, before and UUID(before), limit + 1)
    found = listing.page(rows, limit, lambda row: str(row.id))
    return Page([_schedule(row) for row in found.data], found.next_cursor)


def change(scope: Scope, schedule_id: UUID, changes: Mapping[str, Any]) -> Schedule:
    """Change what is named; enabling, and another pattern or time zone, count from now.

    Raises NotFound, and ValidationFailed for a new input or workflow that do not fit.
    """
    key = _key(scope, schedule_id)
    with transaction() as tx:
        row = _found(store.lock(tx, key), schedule_id)
        new = _new(row, changes)
        if "workflow_id" in new:
            _hold_workflow(tx, key, new["workflow_id"])
        if {"workflow_id", "input"} & new.keys():
            given = new["input"] if "input" in new else strictjson.loads_stored(row.input)
            _require_fit(tx, key, new.get("workflow_id", row.workflow_id), given)
        now_is = dict(row._mapping) | new
        if not now_is["enabled"]:
            new["next_fire_at"] = None
        elif {"enabled", "cron", "timezone"} & new.keys() or row.next_fire_at is None:
            new["next_fire_at"] = _next(tx, now_is["cron"], now_is["timezone"])
        if new:
            store.change(tx, key, new)
        return _schedule(_found(store.get(tx, key), schedule_id))


def delete(scope: Scope, schedule_id: UUID) -> None:
    """Delete a schedule; its executions stay, its fires go later in batches. Raises NotFound."""
    key = _key(scope, schedule_id)
    with transaction() as tx:
        _found(store.lock(tx, key), schedule_id)
        store.mark_deleted(tx, key)


def fires(scope: Scope, schedule_id: UUID, cursor: str | None, limit: int) -> Page[Row[Any]]:
    """List what became of the instants of a schedule, the latest first; raise NotFound."""
    listing = Listing("fires", scope.workspace_id, scope.space_id, str(schedule_id))
    before, key = listing.position(cursor), _key(scope, schedule_id)
    with reading() as tx:
        _found(store.get(tx, key), schedule_id)
        rows = store.fires(tx, key, before and datetime.fromisoformat(before), limit + 1)
    return listing.page(rows, limit, lambda row: row.scheduled_for.isoformat())


def purge_deleted(limit: int = BATCH) -> int:
    """Take away a batch of what each deleted schedule left, and its row at last; give how many rows."""
    with reading() as tx:
        ids = store.deleted(tx, limit)
    done = 0
    for schedule_id in ids:
        with transaction() as tx:
            done += store.purge(tx, schedule_id, limit - done)
        if done >= limit:
            break
    return done


def _schedule(row: Row[Any]) -> Schedule:
    values = dict(row._mapping)
    values["input"] = strictjson.loads_stored(row.input)
    return Schedule(**values, upcoming=_upcoming(row))


def _upcoming(row: Row[Any]) -> list[datetime]:
    """Give the next instants; none of a schedule that is disabled or broken."""
    if row.next_fire_at is None:
        return []
    try:
        later = parse(row.cron, row.timezone).instants(row.next_fire_at, UPCOMING - 1)
    except (BadCron, BadZone):
        return []
    return [row.next_fire_at, *later]


def _preview(cron: Cron, instant: datetime) -> Preview:
    local = cron.local(instant).isoformat(timespec="seconds")
    return Preview(instant, local[:19], local[19:])


def _next(tx: Connection, cron: str, timezone: str) -> datetime | None:
    return parse(cron, timezone).next_after(store.database_now(tx))


def _hold_workflow(tx: Connection, key: Key, workflow_id: UUID) -> None:
    if not store.hold_workflow(tx, key.workspace_id, key.space_id, workflow_id):
        raise NotFound(f"There is no workflow {workflow_id} in this space.")


def _require_fit(tx: Connection, key: Key, workflow_id: UUID, given: Any) -> None:
    """Raise ValidationFailed for an input that the workflow, as it is now, would refuse at each fire."""
    for workflow in triggerable(tx, key.workspace_id, [workflow_id]).values():
        check_input(workflow.input_schema, given)


def _new(row: Row[Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Give what of the changes is not so already."""
    was = dict(row._mapping) | {"input": strictjson.canonical(strictjson.loads_stored(row.input))}
    now = dict(changes) | ({"input": strictjson.canonical(changes["input"])} if "input" in changes else {})
    return {name: changes[name] for name, value in now.items() if was[name] != value}


def _found(row: Row[Any] | None, schedule_id: UUID) -> Row[Any]:
    if row is None:
        raise NotFound(f"There is no schedule {schedule_id} in this space.")
    return row


def _key(scope: Scope, schedule_id: UUID) -> Key:
    return Key(scope.workspace_id, scope.named_space_id, schedule_id)

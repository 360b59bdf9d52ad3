"""What the page of one execution shows beside the execution itself, read at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from app import strictjson
from app.errors import NotFound
from app.services import execution_views, schedules, webhooks
from app.services.scope import Scope
from app.services.transaction import reading
from app.store import execution_forms as forms
from app.store import retries, stream_views
from app.store.execution_forms import Form

MOST_RELATED: Final = 50
MARKS: Final = ("if", "forEach")
DRAWN: Final = ("id", "type", "name", "needs", "runOn", *MARKS)


@dataclass(frozen=True, slots=True)
class ExecutionPage:
    """One execution with its surroundings.

    `execution` is the detail form; `definition` has what a graph of its version needs, None when the workflow
    is gone; `latest` is the workflow's current version; `related` holds list forms by id of what it repeats,
    its parent, and the newest retries and children; `source` names the schedule or webhook that began it.
    """

    execution: Form
    definition: Any
    latest: int | None
    related: dict[str, Form]
    source: str | None


def show(scope: Scope, execution_id: UUID) -> ExecutionPage:
    """Read all of it; raises NotFound."""
    execution = execution_views.detail(scope, execution_id)
    with reading() as tx:
        definition, latest = _definition(tx, scope, execution)
        related = _related(tx, scope, execution)
    return ExecutionPage(execution, definition, latest, related, _source(scope, execution))


def _definition(tx: Connection, scope: Scope, execution: Form) -> tuple[Any, int | None]:
    """Give the executed version as a graph needs it, and the number of the current one."""
    if execution["workflowId"] is None:
        return None, None
    number = execution["workflowVersion"]
    rows = retries.definitions(tx, scope.workspace_id, UUID(execution["workflowId"]), number)
    latest = next((row.number for row in rows if row.current), None)
    stored = next((row.definition for row in rows if row.number == number), None)
    return stored and {"steps": [_drawn(step) for step in strictjson.loads_stored(stored)["steps"]]}, latest


def _drawn(step: Form) -> Form:
    """Keep of a step what its place in the graph depends on, its conditions as mere marks."""
    return {name: name in MARKS or step[name] for name in DRAWN if name in step}


def _related(tx: Connection, scope: Scope, execution: Form) -> dict[str, Form]:
    lists = execution["retries"][-MOST_RELATED:], execution["children"][-MOST_RELATED:]
    single = [execution[name] for name in ("retryOf", "parentId") if execution[name]]
    rows = stream_views.listed(tx, [scope.workspace_id], _ids([*single, *lists[0], *lists[1]]))
    return {str(row.id): forms.list_form(row) for row in rows}


def _ids(texts: Iterable[str]) -> list[UUID]:
    return [UUID(text) for text in texts]


def _source(scope: Scope, execution: Form) -> str | None:
    """Name the schedule or webhook; None when there is none, or none any more."""
    try:
        if execution["scheduleId"]:
            return schedules.show(scope, UUID(execution["scheduleId"])).name
        if execution["webhookId"]:
            return str(webhooks.show(scope, UUID(execution["webhookId"]))["name"])
    except NotFound:
        return None
    return None

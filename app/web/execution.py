"""One execution: its header, its waterfall, and what the scripts of the page begin with."""

import json
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, render_template, request

from app import clock, strictjson
from app.services import execution_pages
from app.services.execution_pages import ExecutionPage
from app.states import FINAL, Reason, Role, Status, StepStatus
from app.store.execution_forms import Form, milliseconds
from app.web.pages import needs, visit

blp = Blueprint("execution", __name__, url_prefix="/spaces/<uuid:space_id>/executions")
Json = Any
MOST_SHOWN: Final = 8 * 1024
MOST_SHOWN_TOGETHER: Final = 32 * 1024


@blp.get("/<uuid:execution_id>")
@needs(Role.VIEWER)
def show(execution_id: UUID) -> str:
    """Show an execution; `step` names the chosen step, else it is the one that failed."""
    page = execution_pages.show(visit().scope, execution_id)
    execution = page.execution
    failed = _first(execution, StepStatus.FAILED)
    waiting = [step for step in execution["steps"] if _waits_for_signal(step)]
    return render_template(
        "execution/show.html",
        page=page,
        execution=execution,
        ended=execution["status"] in FINAL,
        failed=failed,
        waiting=waiting,
        chosen=_chosen(execution, failed),
        queued_ms=_queued_ms(execution),
        queued_since=_queued_since(execution),
        data=_data(page),
        pretty=_pretty,
    )


def _chosen(execution: Form, failed: Form | None) -> Form | None:
    """Give the step that is shown beside the waterfall; None is the execution itself."""
    asked = request.args.get("step")
    for step in execution["steps"]:
        if step["stepId"] == asked:
            return dict(step)
    return failed if asked is None and execution["status"] == Status.FAILED else None


def _first(execution: Form, status: StepStatus) -> Form | None:
    """Give the step of a status that ended first."""
    found = [step for step in execution["steps"] if step["status"] == status]
    return min(found, key=lambda step: step["completedAt"] or "", default=None)


def _waits_for_signal(step: Form) -> bool:
    return step["type"] == "waitForSignal" and bool(step["status"] == StepStatus.WAITING)


def _queued_ms(execution: Form) -> int | None:
    """Say how long it was due before it began, None while it has not."""
    started = _instant(execution["startedAt"])
    due = [at for name in ("createdAt", "runAt") if (at := _instant(execution[name]))]
    return None if started is None else max(0, milliseconds(max(due), started) or 0)


def _queued_since(execution: Form) -> str | None:
    """Say since when it is due and has not begun; None while its time has not come, and once it ended."""
    if execution["status"] in FINAL or execution["reason"] == Reason.DELAYED:
        return None
    since: str = max(execution["createdAt"], execution["runAt"] or "")
    return since


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _data(page: ExecutionPage) -> Form:
    """Give what the scripts begin with; long values are left out and loaded when they are looked at."""
    return {
        "execution": _lightened(page.execution),
        "definition": page.definition,
        "latest": page.latest,
        "now": clock.now().timestamp() * 1000,
    }


def _lightened(execution: Form) -> Form:
    """Leave values out that are long, or too much together; `later` names them."""
    room = MOST_SHOWN_TOGETHER
    light: list[Form] = []
    for form in (execution, *execution["steps"]):
        values = {name: form[name] for name in ("input", "output", "trigger") if form.get(name) is not None}
        sizes = {name: len(strictjson.dumps(value)) for name, value in values.items()}
        later = [name for name, size in sizes.items() if size > min(room, MOST_SHOWN)]
        room -= sum(size for name, size in sizes.items() if name not in later)
        light.append(form | dict.fromkeys(later) | {"later": later})
    return light[0] | {"steps": light[1:]}


def _pretty(value: Json) -> str:
    """Write a value for the first sight of it, before a script makes a tree of it."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"

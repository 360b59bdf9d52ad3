"""Schedules of a space: the list, and one with its form, its next instants and its history."""

from uuid import UUID

from flask import Blueprint, render_template, request

from app.services import overview, schedules
from app.services.due import CatchUp
from app.services.rounds import FireReason, Overlap
from app.states import Role
from app.web.definition_text import pretty
from app.web.pages import needs, visit

blp = Blueprint("schedules", __name__, url_prefix="/spaces/<uuid:space_id>/schedules")
SHOWN = 50
OVERLAPS = {
    Overlap.ALLOW.value: "Start it all the same",
    Overlap.SKIP.value: "Skip this time",
    Overlap.CANCEL_PREVIOUS.value: "Cancel the previous one",
    Overlap.BUFFER_ONE.value: "Let one wait until the previous ends",
}
CATCH_UPS = {
    CatchUp.ONE.value: "Fire once, for the latest",
    CatchUp.NONE.value: "Fire none of them",
    CatchUp.ALL.value: "Fire each of them, at most 100",
}
OUTCOMES = {
    "fired": {"label": "Fired", "icon": "check", "look": "completed"},
    "skipped": {"label": "Skipped", "icon": "skip", "look": "skipped"},
    "missed": {"label": "Missed", "icon": "warning", "look": "cancelled"},
}
REASONS: dict[str, str] = {
    FireReason.OVERLAP: "The previous execution still went on.",
    FireReason.WORKFLOW_DISABLED: "The workflow was disabled.",
    FireReason.QUOTA_EXCEEDED: "A quota of the workspace was reached.",
    FireReason.CATCH_UP: "It fired late, after an outage.",
    FireReason.BROKEN: "The schedule could not be worked out.",
}
WORDS = {"overlaps": OVERLAPS, "catch_ups": CATCH_UPS, "outcomes": OUTCOMES, "reasons": REASONS}


@blp.get("")
@needs(Role.VIEWER)
def index() -> str:
    """List the schedules, newest first."""
    found = schedules.page(visit().scope, request.args.get("cursor"), SHOWN)
    names = overview.names(visit().scope, [schedule.workflow_id for schedule in found.data])
    return render_template("schedules/index.html", schedules=found, names=names)


@blp.get("/new")
@needs(Role.EDITOR)
def new() -> str:
    """Show the form for a new schedule; `workflowId` chooses its workflow."""
    choices = overview.choices(visit().scope)
    chosen = request.args.get("workflowId")
    return render_template("schedules/new.html", schedule=None, choices=choices, chosen=chosen, **WORDS)


@blp.get("/<uuid:schedule_id>")
@needs(Role.VIEWER)
def show(schedule_id: UUID) -> str:
    """Show one schedule: its form, the next instants, what became of the past ones."""
    scope = visit().scope
    schedule = schedules.show(scope, schedule_id)
    return render_template(
        "schedules/show.html",
        schedule=schedule,
        input=pretty(schedule.input),
        choices=overview.choices(scope) | overview.names(scope, [schedule.workflow_id]),
        chosen=str(schedule.workflow_id),
        fires=schedules.fires(scope, schedule_id, request.args.get("cursor"), SHOWN),
        **WORDS,
    )

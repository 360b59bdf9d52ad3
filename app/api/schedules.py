"""Schedules, and what became of their instants."""

from typing import Any
from uuid import UUID

from app.api.auth import current_scope, needs
from app.api.body import Blueprint
from app.schemas.paging import PageQuery
from app.schemas.schedules import (
    FirePage,
    PreviewIn,
    PreviewOut,
    ScheduleChanges,
    ScheduleIn,
    ScheduleOut,
    SchedulePage,
)
from app.services import schedules
from app.states import Role

blp = Blueprint(
    "schedules",
    __name__,
    url_prefix="/workspaces/<uuid:workspace_id>/spaces/<uuid:space_id>/schedules",
    description="When workflows start by the clock",
)


@blp.route("")
@needs(Role.VIEWER)
@blp.arguments(PageQuery, location="query")
@blp.response(200, SchedulePage)
def index(query: dict[str, Any]) -> Any:
    """List schedules, newest first."""
    return schedules.page(current_scope(), query["cursor"], query["limit"])


@blp.route("", methods=["POST"])
@needs(Role.EDITOR)
@blp.arguments(ScheduleIn)
@blp.response(201, ScheduleOut)
def create(body: dict[str, Any]) -> Any:
    """Make a schedule; it counts from now."""
    made = schedules.create(current_scope(), body)
    place = f"/workspaces/{made.workspace_id}/spaces/{made.space_id}/schedules/{made.id}"
    return made, {"Location": place}


@blp.route("/preview", methods=["POST"])
@needs(Role.VIEWER)
@blp.arguments(PreviewIn)
@blp.response(200, PreviewOut)
def preview(body: dict[str, Any]) -> Any:
    """Show the next instants of a pattern without saving anything."""
    return {"data": schedules.preview(**body)}


@blp.route("/<uuid:schedule_id>")
@needs(Role.VIEWER)
@blp.response(200, ScheduleOut)
def show(schedule_id: UUID) -> Any:
    """Read one schedule with its next instants."""
    return schedules.show(current_scope(), schedule_id)


@blp.route("/<uuid:schedule_id>", methods=["PATCH"])
@needs(Role.EDITOR)
@blp.arguments(ScheduleChanges)
@blp.response(200, ScheduleOut)
def change(body: dict[str, Any], schedule_id: UUID) -> Any:
    """Change what is named of a schedule; enabling, another pattern or time zone count from now."""
    return schedules.change(current_scope(), schedule_id, body)


@blp.route("/<uuid:schedule_id>", methods=["DELETE"])
@needs(Role.EDITOR)
@blp.response(204)
def delete(schedule_id: UUID) -> None:
    """Delete a schedule; its executions stay."""
    schedules.delete(current_scope(), schedule_id)


@blp.route("/<uuid:schedule_id>/fires")
@needs(Role.VIEWER)
@blp.arguments(PageQuery, location="query")
@blp.response(200, FirePage)
def fires(query: dict[str, Any], schedule_id: UUID) -> Any:
    """List what became of each instant and why, the latest first."""
    return schedules.fires(current_scope(), schedule_id, query["cursor"], query["limit"])

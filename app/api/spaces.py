"""Spaces: folders of workflows."""

from typing import Any

from app.api.auth import current_scope, needs
from app.api.body import Blueprint
from app.schemas.paging import PageQuery
from app.schemas.spaces import SpaceChanges, SpaceIn, SpaceOut, SpacePage
from app.services import spaces
from app.states import Role

blp = Blueprint(
    "spaces",
    __name__,
    url_prefix="/workspaces/<uuid:workspace_id>/spaces",
    description="Folders of workflows",
)


@blp.route("")
@needs(Role.VIEWER)
@blp.arguments(PageQuery, location="query")
@blp.response(200, SpacePage)
def index(query: dict[str, Any]) -> Any:
    """List spaces, newest first."""
    return spaces.page(current_scope(), query["cursor"], query["limit"])


@blp.route("", methods=["POST"])
@needs(Role.EDITOR)
@blp.arguments(SpaceIn)
@blp.response(201, SpaceOut)
def create(body: dict[str, Any]) -> Any:
    """Make a space."""
    space = spaces.create(current_scope(), body["name"])
    return space, {"Location": f"/workspaces/{space.workspace_id}/spaces/{space.id}"}


@blp.route("/<uuid:space_id>")
@needs(Role.VIEWER)
@blp.response(200, SpaceOut)
def show() -> Any:
    """Read one space."""
    return spaces.show(current_scope())


@blp.route("/<uuid:space_id>", methods=["PATCH"])
@needs(Role.EDITOR)
@blp.arguments(SpaceChanges)
@blp.response(200, SpaceOut)
def change(body: dict[str, Any]) -> Any:
    """Rename a space."""
    return spaces.rename(current_scope(), body.get("name"))


@blp.route("/<uuid:space_id>", methods=["DELETE"])
@needs(Role.EDITOR)
@blp.response(204)
def delete() -> None:
    """Delete a space with its workflows, schedules and webhooks; its active executions are cancelled."""
    spaces.delete(current_scope())

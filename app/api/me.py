"""What a key is good for."""

from typing import Any

from app.api.auth import current_scope, needs
from app.api.body import Blueprint
from app.schemas.workspaces import MeOut
from app.services import workspaces
from app.states import Role

blp = Blueprint("me", __name__, description="Who you are")


@blp.route("/me")
@needs(Role.VIEWER)
@blp.response(200, MeOut)
def show() -> dict[str, Any]:
    """Tell the workspace and role of the key."""
    scope = current_scope()
    name = workspaces.name_of(scope.workspace_id)
    return {"workspace_id": scope.workspace_id, "workspace_name": name, "role": scope.role}

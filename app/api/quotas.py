"""Quotas of a workspace."""

from typing import Any

from app.api.auth import current_scope, needs
from app.api.body import Blueprint
from app.schemas.workspaces import QuotaChanges, QuotasOut
from app.services import workspaces
from app.states import Role

blp = Blueprint(
    "quotas",
    __name__,
    url_prefix="/workspaces/<uuid:workspace_id>/quotas",
    description="Limits of a workspace",
)


@blp.route("")
@needs(Role.VIEWER)
@blp.response(200, QuotasOut)
def show() -> Any:
    """Read the quotas."""
    return workspaces.quotas(current_scope())


@blp.route("", methods=["PATCH"])
@needs(Role.ADMIN)
@blp.arguments(QuotaChanges)
@blp.response(200, QuotasOut)
def change(body: dict[str, Any]) -> Any:
    """Change the quotas that are named."""
    return workspaces.change_quotas(current_scope(), body)

"""API keys of a workspace."""

from typing import Any
from uuid import UUID

from app.api.auth import current_scope, needs
from app.api.body import Blueprint
from app.schemas.api_keys import ApiKeyIn, ApiKeyPage, NewApiKeyOut
from app.schemas.paging import PageQuery
from app.services import api_keys
from app.states import Role

blp = Blueprint(
    "api-keys", __name__, url_prefix="/workspaces/<uuid:workspace_id>/api-keys", description="Who may do what"
)


@blp.route("")
@needs(Role.VIEWER)
@blp.arguments(PageQuery, location="query")
@blp.response(200, ApiKeyPage)
def index(query: dict[str, Any]) -> Any:
    """List keys, newest first; the keys themselves are never shown again."""
    return api_keys.page(current_scope(), query["cursor"], query["limit"])


@blp.route("", methods=["POST"])
@needs(Role.ADMIN)
@blp.arguments(ApiKeyIn)
@blp.response(201, NewApiKeyOut)
def create(body: dict[str, Any]) -> Any:
    """Make a key; `key` is shown this one time."""
    row, key = api_keys.create(current_scope().workspace_id, **body)
    return {**row._mapping, "key": key}


@blp.route("/<uuid:key_id>", methods=["DELETE"])
@needs(Role.ADMIN)
@blp.response(204)
def revoke(key_id: UUID) -> None:
    """Revoke a key; within 5 seconds it opens nothing any more."""
    api_keys.revoke(current_scope(), key_id)

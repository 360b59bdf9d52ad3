"""Secrets of a workspace: names only, values never come back."""

from typing import Any

from app.api.auth import current_scope, needs
from app.api.body import Blueprint
from app.schemas.paging import PageQuery
from app.schemas.secrets import SecretIn, SecretPage, checked_name
from app.services import secrets
from app.states import Role

blp = Blueprint(
    "secrets",
    __name__,
    url_prefix="/workspaces/<uuid:workspace_id>/secrets",
    description="What workflows may use and nobody may read",
)


@blp.route("")
@needs(Role.VIEWER)
@blp.arguments(PageQuery, location="query")
@blp.response(200, SecretPage)
def index(query: dict[str, Any]) -> Any:
    """List the names of secrets, in order."""
    return secrets.page(current_scope(), query["cursor"], query["limit"])


@blp.route("/<name>", methods=["PUT"])
@needs(Role.EDITOR)
@blp.arguments(SecretIn)
@blp.response(204)
def put(body: dict[str, Any], name: str) -> None:
    """Set a secret, new or not; it is encrypted at rest and never shown again."""
    secrets.put(current_scope(), checked_name(name), body["value"])


@blp.route("/<name>", methods=["DELETE"])
@needs(Role.EDITOR)
@blp.response(204)
def delete(name: str) -> None:
    """Delete a secret; steps that name it fail from then on."""
    secrets.delete(current_scope(), checked_name(name))

"""Workflows and their versions."""

from typing import Any
from uuid import UUID

from app.api.auth import current_scope, needs
from app.api.body import Blueprint
from app.api.preconditions import etag, unless_modified, wanted_revisions
from app.schemas.paging import PageQuery
from app.schemas.workflows import (
    DefinitionIn,
    VerdictOut,
    VersionOut,
    VersionPage,
    WorkflowChanges,
    WorkflowIn,
    WorkflowOut,
    WorkflowPage,
    WorkflowWhole,
)
from app.services import workflows
from app.services.workflows import Workflow
from app.states import Role

blp = Blueprint(
    "workflows",
    __name__,
    url_prefix="/workspaces/<uuid:workspace_id>/spaces/<uuid:space_id>/workflows",
    description="Definitions and their versions",
)
blp.after_request(unless_modified)
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string"},
    "description": "The ETag of the read that this change starts from: 412 when it was changed since.",
}
MAX_NUMBER = 2_147_483_647


@blp.route("")
@needs(Role.VIEWER)
@blp.arguments(PageQuery, location="query")
@blp.response(200, WorkflowPage)
def index(query: dict[str, Any]) -> Any:
    """List workflows, newest first."""
    return workflows.page(current_scope(), query["cursor"], query["limit"])


@blp.route("", methods=["POST"])
@needs(Role.EDITOR)
@blp.arguments(WorkflowIn)
@blp.response(201, WorkflowOut)
def create(body: dict[str, Any]) -> Any:
    """Make a workflow with its first version."""
    made = workflows.create(current_scope(), body)
    place = f"/workspaces/{made.workspace_id}/spaces/{made.space_id}/workflows/{made.id}"
    return made, {"Location": place} | etag(made.revision)


@blp.route("/validate", methods=["POST"])
@needs(Role.VIEWER)
@blp.arguments(DefinitionIn)
@blp.response(200, VerdictOut)
def validate(body: dict[str, Any]) -> Any:
    """Check a definition without saving it; paths start at the definition."""
    return workflows.validate(current_scope(), body["definition"])


@blp.route("/<uuid:workflow_id>")
@needs(Role.VIEWER)
@blp.response(200, WorkflowOut)
def show(workflow_id: UUID) -> Any:
    """Read one workflow with its current definition."""
    return _tagged(workflows.show(current_scope(), workflow_id))


@blp.route("/<uuid:workflow_id>", methods=["PUT"])
@blp.doc(parameters=[IF_MATCH])
@needs(Role.EDITOR)
@blp.arguments(WorkflowWhole)
@blp.response(200, WorkflowOut)
def replace(body: dict[str, Any], workflow_id: UUID) -> Any:
    """Replace a workflow; another definition becomes a new version, the same one does not."""
    return _tagged(workflows.change(current_scope(), workflow_id, body, wanted_revisions()))


@blp.route("/<uuid:workflow_id>", methods=["PATCH"])
@blp.doc(parameters=[IF_MATCH])
@needs(Role.EDITOR)
@blp.arguments(WorkflowChanges)
@blp.response(200, WorkflowOut)
def change(body: dict[str, Any], workflow_id: UUID) -> Any:
    """Change what is named of a workflow; another definition becomes a new version."""
    return _tagged(workflows.change(current_scope(), workflow_id, body, wanted_revisions()))


@blp.route("/<uuid:workflow_id>", methods=["DELETE"])
@blp.doc(parameters=[IF_MATCH])
@needs(Role.EDITOR)
@blp.response(204)
def delete(workflow_id: UUID) -> None:
    """Delete a workflow with its schedules and webhooks; its active executions are cancelled."""
    workflows.delete(current_scope(), workflow_id, wanted_revisions())


@blp.route("/<uuid:workflow_id>/versions")
@needs(Role.VIEWER)
@blp.arguments(PageQuery, location="query")
@blp.response(200, VersionPage)
def versions(query: dict[str, Any], workflow_id: UUID) -> Any:
    """List the versions of a workflow, newest first."""
    return workflows.versions(current_scope(), workflow_id, query["cursor"], query["limit"])


@blp.route(f"/<uuid:workflow_id>/versions/<int(max={MAX_NUMBER}):number>")
@needs(Role.VIEWER)
@blp.response(200, VersionOut)
def version(workflow_id: UUID, number: int) -> Any:
    """Read one version of a workflow."""
    return workflows.version(current_scope(), workflow_id, number)


def _tagged(workflow: Workflow) -> tuple[Workflow, dict[str, str]]:
    return workflow, etag(workflow.revision)

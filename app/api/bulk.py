"""Bulk operations: many executions cancelled or retried with one request."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from flask import Response, request

from app.api.auth import current_scope, needs
from app.api.body import Blueprint
from app.api.reply import json_reply
from app.schemas.bulk import BulkIn, BulkOut, BulkStartedOut
from app.services import bulk
from app.services.bulk import Selection
from app.services.bulk_batches import Kind
from app.states import Role

View = TypeVar("View", bound=Callable[..., Any])

in_space = Blueprint(
    "bulk",
    __name__,
    url_prefix="/workspaces/<uuid:workspace_id>/spaces/<uuid:space_id>/executions/bulk",
    description="Many executions of a space at once.",
)
in_workspace = Blueprint(
    "workspace bulk",
    __name__,
    url_prefix="/workspaces/<uuid:workspace_id>/executions/bulk",
    description="Many executions of a workspace at once.",
)


def in_both(rule: str, method: str) -> Callable[[View], View]:
    """Register one view under a space and under its workspace."""

    def register(view: View) -> View:
        for blueprint in (in_space, in_workspace):
            blueprint.route(rule, methods=[method])(view)
        return view

    return register


def starts(kind: Kind) -> Callable[[View], View]:
    """Register a view that starts a bulk operation, or with `dryRun` only counts."""

    def register(view: View) -> View:
        counted = in_space.alt_response(
            200, schema=BulkStartedOut, description="With `dryRun`: nothing was done."
        )
        described = in_space.response(202, BulkStartedOut)(counted(view))
        guarded = needs(Role.OPERATOR)(in_space.arguments(BulkIn)(described))
        return in_both(f"/{kind}", "POST")(guarded)

    return register


@starts(Kind.CANCEL)
def cancel(wanted: tuple[Selection, bool]) -> Response:
    """Cancel many executions, those that have not ended."""
    return _begin(Kind.CANCEL, *wanted)


@starts(Kind.RETRY)
def retry(wanted: tuple[Selection, bool]) -> Response:
    """Run many finished executions again, from the start and in the same version."""
    return _begin(Kind.RETRY, *wanted)


@in_both("/<uuid:bulk_id>", "GET")
@needs(Role.VIEWER)
@in_space.response(200, BulkOut)
def show(bulk_id: UUID) -> Response:
    """Tell how far a bulk operation is."""
    return json_reply(bulk.show(current_scope(), bulk_id))


def _begin(kind: Kind, selection: Selection, dry_run: bool) -> Response:
    scope = current_scope()
    if dry_run:
        return json_reply(bulk.dry_run(scope, selection))
    begun = bulk.start(scope, kind, selection)
    place = request.path.rstrip("/").removesuffix(kind)
    return json_reply(begun, 202, {"Location": f"{place}{begun['bulkId']}"})

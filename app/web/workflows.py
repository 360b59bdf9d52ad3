"""Workflows of a space: the list, one with its editor, its versions and what they differ in."""

from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request

from app.errors import NotFound
from app.samples import GREETING
from app.services import overview, workflows
from app.states import Role
from app.web.definition_text import as_text
from app.web.difference import difference
from app.web.pages import needs, visit

blp = Blueprint("workflows", __name__, url_prefix="/spaces/<uuid:space_id>/workflows")
SHOWN = 50
MOST_NUMBER = 2_147_483_647


@blp.get("")
@needs(Role.VIEWER)
def index() -> str:
    """List the workflows, newest first, with the last execution of each."""
    scope = visit().scope
    found = workflows.page(scope, request.args.get("cursor"), SHOWN)
    latest = overview.latest(scope, [workflow.id for workflow in found.data])
    return render_template("workflows/index.html", workflows=found, latest=latest)


@blp.get("/new")
@needs(Role.EDITOR)
def new() -> str:
    """Show the editor for a new workflow."""
    return render_template("workflows/editor.html", workflow=None, text=as_text(GREETING), number=None)


@blp.get("/<uuid:workflow_id>")
@needs(Role.VIEWER)
def show(workflow_id: UUID) -> str:
    """Show one workflow in the editor; `version` puts the text of an earlier one into it."""
    scope = visit().scope
    workflow = workflows.show(scope, workflow_id)
    number = _number("version", workflow.version)
    definition = workflow.definition
    if number != workflow.version:
        definition = workflows.version(scope, workflow_id, number).definition
    return render_template(
        "workflows/editor.html",
        workflow=workflow,
        text=as_text(definition),
        number=number,
        latest=overview.latest(scope, [workflow_id]).get(workflow_id),
    )


@blp.get("/<uuid:workflow_id>/versions")
@needs(Role.VIEWER)
def versions(workflow_id: UUID) -> str:
    """Show what the versions `old` and `new` differ in, by default the latest two, and list all of them."""
    scope = visit().scope
    workflow = workflows.show(scope, workflow_id)
    new = _number("new", workflow.version)
    old = _number("old", max(new - 1, 1))
    texts = [as_text(workflows.version(scope, workflow_id, number).definition) for number in (old, new)]
    return render_template(
        "workflows/versions.html",
        workflow=workflow,
        versions=workflows.versions(scope, workflow_id, request.args.get("cursor"), SHOWN),
        old=old,
        new=new,
        lines=difference(*texts),
    )


def _number(name: str, default: int) -> int:
    """Read the number of a version out of the address; raise NotFound for what is none."""
    given: Any = request.args.get(name, str(default))
    if not (given.isascii() and given.isdigit() and len(given) <= 10 and 1 <= int(given) <= MOST_NUMBER):
        raise NotFound(f"There is no version {given[:40]}: versions are numbers from 1.")
    return int(given)

"""The spaces of the workspace, and the way into one."""

from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from app.errors import NotFound
from app.services import spaces
from app.states import Role
from app.web.pages import needs, visit

blp = Blueprint("spaces", __name__)
SHOWN = 100
MOST_LETTERS = 200


@blp.get("/")
@needs(Role.VIEWER)
def index() -> str:
    """List the spaces, newest first."""
    return _list(request.args.get("cursor"))


@blp.post("/spaces")
@needs(Role.EDITOR)
def create() -> Any:
    """Make a space and go into it."""
    name = request.form.get("name", "").strip()
    if not 1 <= len(name) <= MOST_LETTERS or "\0" in name:
        page = _list(None, error=f"A name has 1 to {MOST_LETTERS} characters.", name=name)
        return Response(page, 422, mimetype="text/html")
    made = spaces.create(visit().scope, name)
    return redirect(url_for(".show", space_id=made.id), 303)


@blp.get("/spaces/<uuid:space_id>")
@needs(Role.VIEWER)
def show() -> BaseResponse:
    """Lead to the executions of a space."""
    return redirect(url_for("web.executions.index", space_id=visit().scope.space_id), 303)


@blp.get("/spaces/<path:address>")
@needs(Role.VIEWER)
def unknown(address: str) -> str:
    """Say as a page that there is nothing here."""
    raise NotFound("There is no such page: the address may be mistyped.")


def _list(cursor: str | None, error: str | None = None, name: str = "") -> str:
    found = spaces.page(visit().scope, cursor, SHOWN)
    return render_template("spaces/index.html", spaces=found, error=error, name=name)

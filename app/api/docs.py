"""The API described: OpenAPI, a page for people made of it, and the JSON Schema of definitions."""

import base64
import hashlib
from typing import Any

from flask import Blueprint, Response, current_app, render_template

from app import errors
from app.schemas.workflow_definition import json_schema

blp = Blueprint("docs", __name__, template_folder="templates")
METHODS = ("get", "post", "put", "patch", "delete")


@blp.get("/openapi.json")
def openapi() -> Response:
    """Give the OpenAPI 3.1 document."""
    return Response(current_app.json.dumps(_document()), mimetype="application/json")


@blp.get("/schemas/workflow.json")
def workflow_schema() -> Response:
    """Give the JSON Schema (2020-12) of workflow definitions."""
    return Response(current_app.json.dumps(json_schema()), mimetype="application/schema+json")


@blp.get("/docs")
def docs() -> Response:
    """Show the operations and error codes on one page, without scripts or foreign requests."""
    style = render_template("docs.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = render_template("docs.html", style=style, spec=_document(), methods=METHODS, problems=_problems())
    response = Response(page, mimetype="text/html")
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return response


def _document() -> dict[str, Any]:
    found: dict[str, Any] = current_app.extensions["openapi"]
    return found


def _problems() -> list[type[errors.LineaError]]:
    """List the errors that can be met, in the order of their status."""
    kinds = [kind for kind in errors.LineaError.__subclasses__() if kind.__module__ == errors.__name__]
    return sorted((kind for kind in kinds if kind is not errors.IllegalMove), key=lambda kind: kind.status)

"""The OpenAPI document: made from the same schemas that read and write, finished here."""

import re
from typing import Any

import flask_smorest
from apispec.ext.marshmallow import MarshmallowPlugin, resolver
from flask import Flask, Response
from flask_smorest.spec.plugins import FlaskPlugin

from app.api import problems
from app.schemas.base import camel
from app.schemas.fields import CommaList, Instant
from app.schemas.health import ProblemOut
from app.schemas.workflow_definition import component_schemas

TITLE = "Linea Executions"
VERSION = "1.0.0"
OPENAPI_VERSION = "3.1.0"
SCHEME = "apiKey"
DESCRIPTION = (
    "Workflows, and executions of them. Routes under a workspace need an API key of it. "
    "Errors are RFC 9457 problems; programs go by their `code`."
)
PROBLEM = {"$ref": "#/components/responses/Problem"}


class Api(flask_smorest.Api):  # type: ignore[misc]
    """flask-smorest with our errors."""

    ERROR_SCHEMA = ProblemOut
    DEFAULT_ERROR_RESPONSE_NAME = None

    def handle_http_exception(self, error: Exception) -> Response:
        """Leave it to the one handler of all errors."""
        return problems.answer(error)


def make(app: Flask) -> Api:
    """Start the document; blueprints are registered with what this returns."""
    app.config.update(API_TITLE=TITLE, API_VERSION=VERSION, OPENAPI_VERSION=OPENAPI_VERSION)
    api = Api(
        app,
        spec_kwargs={
            "info": {"description": DESCRIPTION},
            "servers": [{"url": "/"}],
            "marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=_name),
        },
    )
    api.register_field(Instant, "string", "date-time")
    api.register_field(CommaList, "array", None)
    parts = api.spec.components
    parts.security_scheme(SCHEME, {"type": "http", "scheme": "bearer"})
    for name, schema in component_schemas().items():
        parts.schema(name, schema)
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    parts.response("Problem", {"description": "What went wrong, and what to do", "content": content})
    return api


def document(app: Flask, api: Api) -> dict[str, Any]:
    """Give the whole document: each operation with its name, the role it needs and its errors."""
    found: dict[str, Any] = api.spec.to_dict()
    found["components"]["responses"] = {"Problem": found["components"]["responses"]["Problem"]}
    for rule in app.url_map.iter_rules():
        operations = found["paths"].get(FlaskPlugin.flaskpath2openapi(rule.rule), {})
        for method in rule.methods or ():
            if method.lower() in operations:
                _finish(operations[method.lower()], rule.endpoint, app.view_functions[rule.endpoint])
    found["paths"] = {_outside(path): _renamed(item) for path, item in sorted(found["paths"].items())}
    return found


def _finish(operation: dict[str, Any], endpoint: str, view: Any) -> None:
    answers = operation.setdefault("responses", {})
    operation["responses"] = {
        code: PROBLEM if "$ref" in answer else answer for code, answer in answers.items()
    }
    operation["responses"]["default"] = PROBLEM
    operation["operationId"] = camel(re.sub(r"\W", "_", endpoint))
    role = getattr(view, "needed_role", None)
    if role is not None:
        operation["security"] = [{SCHEME: []}]
        needed = f"Role: {role}" + ("." if role == "admin" else " or higher.")
        operation["description"] = f"{operation.get('description', '')}\n\n{needed}".strip()


def _renamed(item: dict[str, Any]) -> dict[str, Any]:
    """Name path parameters as the outside does."""
    for parameter in item.get("parameters", []):
        if parameter.get("in") == "path":
            parameter["name"] = camel(parameter["name"])
    return item


def _outside(path: str) -> str:
    return re.sub(r"{(\w+)}", lambda match: f"{{{camel(match[1])}}}", path)


def _name(schema: Any) -> str:
    name: str = resolver(schema)
    return name.removesuffix("Out")

"""The JSON Schema of workflow definitions, made from the schemas that check them."""

from functools import cache
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin, resolver
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema

from app.steps import base
from app.steps.definition import DefinitionSchema, StepSchema
from app.steps.fields import Expressible, Scalar
from app.steps.http_schema import Method

DIALECT = "https://json-schema.org/draft/2020-12/schema"
EXPRESSION = {"type": "string", "pattern": r"\$\{\{", "description": "An expression: ${{ … }}"}

SCALAR = {"type": ["string", "number", "boolean", "array", "null"]}


@cache
def json_schema() -> dict[str, Any]:
    """Write the schema for editors; saving checks more (order, names, expressions)."""
    definitions = _schemas(DefinitionSchema) | _arguments()
    definitions["Step"]["allOf"] = [
        _rule(name, _name(kind.schema)) for name, kind in sorted(base.STEP_TYPES.items())
    ]
    definitions["Step"]["properties"]["type"]["enum"] = sorted(base.STEP_TYPES)
    top = definitions.pop(_name(DefinitionSchema))
    return {"$schema": DIALECT, "title": "Workflow definition", **top, "$defs": definitions}


def _arguments() -> dict[str, Any]:
    """Write what each step type takes; an expression may stand for every value."""
    found: dict[str, Any] = {}
    for kind in base.STEP_TYPES.values():
        found |= _schemas(kind.schema, _or_expression)
    return found


def _schemas(schema: type[Schema], *rules: Any) -> dict[str, Any]:
    """Convert one schema and those inside it, by name."""
    plugin = MarshmallowPlugin(schema_name_resolver=_name)
    spec = APISpec("", "", "3.1.0", plugins=[plugin])
    if plugin.converter is not None:
        for rule in rules:
            plugin.converter.add_attribute_function(rule)  # type: ignore[no-untyped-call]
    spec.components.schema(_name(schema), schema=schema)
    found: dict[str, Any] = _referring_to_defs(spec.to_dict()["components"]["schemas"])
    return found


def _or_expression(self: OpenAPIConverter, field: Any, ret: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Let an expression stand where the step checks a value only when it runs."""
    if isinstance(field, Scalar | Method):
        ret.clear()
        return SCALAR if isinstance(field, Scalar) else {"type": "string"}
    if not isinstance(field, Expressible) or not ret or ret.get("type") == "string":
        return {}
    known = dict(ret)
    ret.clear()
    return {"anyOf": [known, EXPRESSION]}


def _rule(kind: str, schema: str) -> dict[str, Any]:
    """Say what `with` holds for one type."""
    return {
        "if": {"properties": {"type": {"const": kind}}},
        "then": {"properties": {"with": {"$ref": f"#/$defs/{schema}"}}},
    }


def _referring_to_defs(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _referring_to_defs(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_referring_to_defs(inner) for inner in value]
    return value.replace("#/components/schemas/", "#/$defs/") if isinstance(value, str) else value


def _name(schema: Any) -> str:
    name: str = resolver(schema)
    return name if schema is not StepSchema else "Step"

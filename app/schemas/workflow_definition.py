"""The JSON Schema of workflow definitions, made from the schemas that check them."""

from functools import cache
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin, resolver
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema
from marshmallow.validate import Range

from app.steps import base
from app.steps.definition import (
    RESERVED_IDS,
    STEP_ID,
    Condition,
    DefinitionSchema,
    Items,
    JsonSchema,
    StepSchema,
)
from app.steps.fail import Message
from app.steps.fields import Expressible, Scalar
from app.steps.http_schema import METHODS, Auth, HttpStep, Method, Values
from app.steps.wait import Moment, WaitStep

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
WHOLE = "WorkflowDefinition"
EXPRESSION = {"type": "string", "pattern": r"\$\{\{", "description": "An expression: ${{ … }}"}
ONE_EXPRESSION = {
    "type": "string",
    "pattern": r"^\$\{\{[\s\S]*\}\}$",
    "description": "One expression: ${{ … }}",
}
_SCALARS = ["string", "number", "boolean", "null"]
_METHOD = "^(?:{})$".format("|".join("".join(f"[{c}{c.lower()}]" for c in name) for name in METHODS))
# What holds for a type's own fields whatever they are.
_ONE_FIELD = {"minProperties": 1, "maxProperties": 1}
_ONE_PAYLOAD = {
    "not": {
        "anyOf": [
            {"required": [one, other]}
            for at, one in enumerate(HttpStep.PAYLOADS)
            for other in HttpStep.PAYLOADS[at + 1 :]
        ]
    }
}
_BESIDE: dict[type[Schema], Json] = {WaitStep: _ONE_FIELD, Auth: _ONE_FIELD, HttpStep: _ONE_PAYLOAD}
# What stands for a field whose value is checked when it is known, or that JSON Schema words otherwise.
_INSTEAD: dict[type, Json] = {
    Condition: ONE_EXPRESSION,
    Items: ONE_EXPRESSION,
    JsonSchema: {"type": ["object", "boolean"], "description": "JSON Schema 2020-12 without patterns"},
    Message: {"type": ["string", "number", "boolean", "array", "object"]},
    Method: {"type": "string", "anyOf": [{"pattern": _METHOD}, EXPRESSION]},
    Moment: {"type": "string"},
    Values: {"type": [*_SCALARS, "array"], "items": {"type": _SCALARS}},
}


@cache
def json_schema() -> Json:
    """Write the schema for editors; saving checks more (order, names, expressions)."""
    definitions = _definitions("#/$defs/", "")
    top = definitions.pop(WHOLE)
    return {"$schema": DIALECT, "title": "Workflow definition", **top, "$defs": definitions}


def component_schemas() -> Json:
    """Write the same for OpenAPI, as components by name; the whole is `WorkflowDefinition`."""
    return _definitions("#/components/schemas/", "Definition")


def _definitions(place: str, prefix: str) -> Json:
    """Write all schemas by name; references point to `place`."""
    definitions = _schemas(DefinitionSchema) | _arguments()
    step = definitions[_name(StepSchema)]
    step["properties"]["id"] |= {"pattern": f"^(?:{STEP_ID.pattern})$", "not": {"enum": sorted(RESERVED_IDS)}}
    step["properties"]["type"]["enum"] = sorted(base.STEP_TYPES)
    step["allOf"] = [_rule(kind) for _, kind in sorted(base.STEP_TYPES.items())]
    for schema, more in _BESIDE.items():
        definitions[_name(schema)] |= more
    names = {name: name if name == WHOLE else prefix + name for name in definitions}
    return {names[name]: _referring(schema, place, names) for name, schema in definitions.items()}


def _arguments() -> Json:
    """Write what each step type takes; an expression may stand for every value."""
    found: Json = {}
    for kind in base.STEP_TYPES.values():
        found |= _schemas(kind.schema, _or_expression)
    return found


def _schemas(schema: type[Schema], *rules: Any) -> Json:
    """Convert one schema and those inside it, by name."""
    plugin = MarshmallowPlugin(schema_name_resolver=_name)
    spec = APISpec("", "", "3.1.0", plugins=[plugin])
    if plugin.converter is not None:
        for rule in (_exclusive, *rules, _instead):
            plugin.converter.add_attribute_function(rule)  # type: ignore[no-untyped-call]
    spec.components.schema(_name(schema), schema=schema)
    found: Json = spec.to_dict()["components"]["schemas"]
    return found


def _exclusive(self: OpenAPIConverter, field: Any, ret: Json, **_: Any) -> Json:
    """Say where the least value is none of those allowed."""
    least = [one for one in field.validators if isinstance(one, Range) and not one.min_inclusive]
    return {"exclusiveMinimum": ret.pop("minimum")} if least and "minimum" in ret else {}


def _or_expression(self: OpenAPIConverter, field: Any, ret: Json, **_: Any) -> Json:
    """Let an expression stand where the step checks a value only when it runs."""
    if isinstance(field, Scalar):
        ret.clear()
        return {"type": _SCALARS}
    if not isinstance(field, Expressible) or field.takes_text or not ret:
        return {}
    known = dict(ret)
    ret.clear()
    return {"anyOf": [known, ONE_EXPRESSION]}


def _instead(self: OpenAPIConverter, field: Any, ret: Json, **_: Any) -> Json:
    """Write a field of our own in our own words."""
    if type(field) not in _INSTEAD:
        return {}
    ret.clear()
    return dict(_INSTEAD[type(field)])


def _rule(kind: base.StepType) -> Json:
    """Say what one type takes: its `with`, which may be left out if nothing in it is required."""
    takes: Json = {"with": {"$ref": f"#/components/schemas/{_name(kind.schema)}"}}
    needed = any(field.required for field in kind.schema().fields.values()) or kind.schema in _BESIDE
    return {
        "if": {"properties": {"type": {"const": kind.name}}, "required": ["type"]},
        "then": {"properties": takes} | ({"required": ["with"]} if needed else {}),
    }


def _referring(value: Any, place: str, names: dict[str, str]) -> Any:
    """Let references point to where the schemas will be."""
    if isinstance(value, dict):
        return {key: _referring(inner, place, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_referring(inner, place, names) for inner in value]
    name = value.removeprefix("#/components/schemas/") if isinstance(value, str) else value
    return value if name == value else place + names[name]


def _name(schema: Any) -> str:
    if schema is DefinitionSchema:
        return WHOLE
    name: str = resolver(schema)
    return name if schema is not StepSchema else "Step"

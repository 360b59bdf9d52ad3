"""The JSON Schema for editors takes what saving takes, and refuses what saving refuses of the structure."""

import copy
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from app.engine.graph import compile_graph
from app.errors import InvalidDefinition
from app.samples import GREETING, ORDER, price_check
from app.schemas.workflow_definition import component_schemas, json_schema
from tests.markdown import blocks
from tests.servers import PROJECT
from tests.unit.test_definition_fields import WITH

Json = Any
DOCUMENTED = [
    json.loads(block.text)
    for page in sorted((PROJECT / "docs").glob("*.md"))
    for block in blocks(page)
    if block.language == "json" and '"steps"' in block.text
]
KINDS = [{"steps": [{"id": "a", "type": kind, "with": args}]} for kind, args in WITH.items()]
STEP = {"id": "a", "type": "http", "with": {"url": "https://h.example/"}}


def step(**fields: Json) -> dict[str, Json]:
    return {"steps": [STEP | fields]}


def http(**args: Json) -> dict[str, Json]:
    return step(**{"with": {"url": "https://h.example/", **args}})


def one(kind: str, args: Json = None, **fields: Json) -> dict[str, Json]:
    given = {} if args is None else {"with": args}
    return {"steps": [{"id": "a", "type": kind, **given, **fields}]}


TAKEN = [
    *KINDS,
    GREETING,
    ORDER,
    price_check(1),
    http(method="post", headers={"A": 1, "B": None, "C": True}, query={"a": ["x", 1, None]}, auth=None),
    http(method="${{ input.m }}", headers="${{ input.h }}", maxResponseBytes="${{ input.n }}", json=None),
    http(auth={"basic": {"username": "u"}}, followRedirects="${{ input.f }}", form={"a": True}),
    one("wait", {"until": "${{ input.at }}"}),
    one("wait", {"seconds": "${{ input.n }}"}),
    one("workflow", {"workflowId": "${{ input.id }}", "wait": "${{ input.w }}", "input": None}),
    one("fail", {"message": {"why": "${{ input.x }}"}}),
    one("waitForSignal"),
    step(forEach="${{ [1,\n2] }}", forEachConcurrency=2, retry={}, needs=[]),
    one("wait", {"seconds": 1}, timeoutSeconds=5, retry={}, forEachConcurrency=2),
    step() | {"output": None, "inputSchema": True, "timeoutSeconds": 0.5},
]
NOT_TAKEN: list[Json] = [
    None,
    [],
    {},
    {"steps": []},
    {"steps": ["a"]},
    {"steps": [STEP | {"id": f"s{n}"} for n in range(201)]},
    step() | {"colour": "red"},
    step() | {"inputSchema": "object"},
    step() | {"timeoutSeconds": 0},
    step() | {"onFailure": {"workflow": "x"}},
    step(id="fetch-order"),
    step(id="constructor"),
    step(type="htpp"),
    step(**{"if": True}),
    step(**{"if": "input.x"}),
    step(forEach=[1]),
    step(needs="a"),
    step(timeoutSeconds="5"),
    step(retry={"attempts": 0}),
    step(retry={"tries": 2}),
    step(onError="ignore"),
    http(uri="x"),
    http(method="FETCH"),
    http(headers=["a"]),
    http(headers={"a": ["b"]}),
    http(query={"a": [{}]}),
    http(json=1, body=2),
    http(auth={}),
    http(auth={"bearer": "a", "basic": {"username": "u"}}),
    http(maxResponseBytes="1${{ input.n }}"),
    one("http"),
    one("http", {}),
    one("transform", {}),
    one("transform", {"value": 1, "valeu": 2}),
    one("code", {"source": ["return 1"]}),
    one("fail", {"message": None}),
    one("wait"),
    one("wait", {"seconds": 1, "until": "2030-01-31T12:00:00Z"}),
    one("wait", {"seconds": 0}),
    one("waitForSignal", {"timeoutSeconds": 5}),
]


def is_saved(definition: Json) -> bool:
    """Tell whether saving would take it."""
    try:
        compile_graph(definition)
    except InvalidDefinition:
        return False
    return True


def for_openapi() -> Draft202012Validator:
    """Give what checks by the components of OpenAPI."""
    return Draft202012Validator(
        {"$ref": "#/components/schemas/WorkflowDefinition", "components": {"schemas": component_schemas()}}
    )


@pytest.mark.parametrize("definition", TAKEN, ids=lambda d: json.dumps(d)[:60])
def test_an_editor_takes_what_saving_takes(definition: Json) -> None:
    assert is_saved(definition)
    assert list(Draft202012Validator(json_schema()).iter_errors(definition)) == []
    assert for_openapi().is_valid(definition)


@pytest.mark.parametrize("definition", DOCUMENTED, ids=lambda d: json.dumps(d)[:60])
def test_an_editor_takes_every_definition_of_the_documentation(definition: Json) -> None:
    assert list(Draft202012Validator(json_schema()).iter_errors(definition)) == []
    assert for_openapi().is_valid(definition)


@pytest.mark.parametrize("definition", NOT_TAKEN, ids=lambda d: json.dumps(d)[:60])
def test_an_editor_refuses_what_saving_refuses_of_the_structure(definition: Json) -> None:
    assert not is_saved(definition)
    assert not Draft202012Validator(json_schema()).is_valid(definition)
    assert not for_openapi().is_valid(definition)


@pytest.mark.parametrize("kind", WITH)
def test_a_field_that_no_schema_names_is_refused_wherever_it_stands(kind: str) -> None:
    for path in ([], ["steps", 0], ["steps", 0, "with"]):
        definition = copy.deepcopy(one(kind, WITH[kind]))
        place: Json = definition
        for part in path:
            place = place[part]
        place["colour"] = "red"

        assert not is_saved(definition)
        assert not Draft202012Validator(json_schema()).is_valid(definition)


def test_the_documentation_has_definitions() -> None:
    assert len(DOCUMENTED) >= 20


def test_both_are_json_schemas_and_every_reference_leads_somewhere() -> None:
    Draft202012Validator.check_schema(json_schema())
    parts = component_schemas()
    text = json.dumps(parts)

    assert '"#/$defs/' not in text
    assert all(f'"#/components/schemas/{name}"' in text for name in parts if name != "WorkflowDefinition")

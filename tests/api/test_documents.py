"""OpenAPI, the docs page, the schema of definitions, health."""

import re
from collections.abc import Iterator
from dataclasses import replace

import jsonschema
import pytest
from flask import Flask
from sqlalchemy import text

from app import create_app
from app.extensions import db
from app.settings import Settings
from tests.api.caller import DEFINITION, Caller

UNDOCUMENTED = ("docs.", "web.", "static.")


def documented(app: Flask) -> Iterator[tuple[str, str]]:
    """List path and method of every route of the API."""
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith(UNDOCUMENTED):
            path = re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"{\1}", rule.rule)
            camel = re.sub(r"_(\w)", lambda match: match[1].upper(), path)
            yield from ((camel, method.lower()) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"})


def test_openapi_lists_every_route_and_no_other(app: Flask, api: Caller) -> None:
    document = api.client.get("/openapi.json").json

    found = {
        (path, method)
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert found == set(documented(app))


def test_every_route_that_changes_something_knows_its_body(api: Caller) -> None:
    document = api.client.get("/openapi.json").json

    without = {
        path
        for path, item in document["paths"].items()
        for method in {"post", "put", "patch"} & item.keys()
        if "requestBody" not in item[method]
    }

    assert without == {"/webhooks/{webhookId}"}  # which takes whatever comes


def test_openapi_says_which_end_of_a_span_of_time_is_in_it(api: Caller) -> None:
    document = api.client.get("/openapi.json").json

    operation = document["paths"]["/workspaces/{workspaceId}/executions"]["get"]
    said = {one["name"]: one.get("description", "") for one in operation["parameters"]}
    assert said["createdAfter"].startswith("Inclusive")
    assert said["createdBefore"].startswith("Exclusive")


def test_openapi_is_version_3_1_with_names_and_errors(api: Caller) -> None:
    document = api.client.get("/openapi.json").json
    operations = [
        operation
        for item in document["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    ]

    assert document["openapi"].startswith("3.1")
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["summary"].endswith(".")
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/Problem"}


def test_every_reference_in_openapi_leads_somewhere(api: Caller) -> None:
    reply = api.client.get("/openapi.json")

    for kind, name in set(re.findall(r'"#/components/(\w+)/([\w.-]+)"', reply.text)):
        assert name in reply.json["components"][kind]


def test_every_schema_in_openapi_is_a_json_schema(api: Caller) -> None:
    document = api.client.get("/openapi.json").json

    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_the_docs_name_every_operation_and_ask_nobody_else(api: Caller) -> None:
    page = api.client.get("/docs")

    for path in api.client.get("/openapi.json").json["paths"]:
        assert path in page.text
    assert "script" not in page.text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.text)
    assert "https:" not in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize("code", ["not_found", "precondition_failed", "invalid_definition"])
def test_the_type_of_a_problem_leads_to_its_place_in_the_docs(api: Caller, code: str) -> None:
    assert f'id="{code}"' in api.client.get("/docs").text


def test_the_schema_of_definitions_takes_what_saving_takes(api: Caller) -> None:
    schema = api.client.get("/schemas/workflow.json").json
    http = {
        "url": "https://e.example",
        "method": "post",
        "headers": {"a": 1},
        "query": {"b": ["${{ input }}"]},
    }
    step = {"id": "a", "type": "http", "with": http, "forEach": "${{ input.list }}", "retry": {}}

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(DEFINITION, schema, jsonschema.Draft202012Validator)
    jsonschema.validate({"steps": [step], "output": None}, schema, jsonschema.Draft202012Validator)
    assert (
        api.post(f"{api.space}/workflows", {"name": "n", "definition": {"steps": [step]}}).status_code == 201
    )


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"steps": []},
        {"steps": [{"id": "a"}]},
        {"steps": [{"id": "a", "type": "http", "with": {"uri": "x"}}]},
        {"steps": [{"id": "a", "type": "transform", "with": {"value": 1}, "colour": "red"}]},
    ],
)
def test_the_schema_of_definitions_refuses_what_saving_refuses(api: Caller, bad: object) -> None:
    schema = api.client.get("/schemas/workflow.json").json

    assert not jsonschema.Draft202012Validator(schema).is_valid(bad)
    assert api.post(f"{api.space}/workflows", {"name": "n", "definition": bad}).status_code == 422


def test_openapi_describes_definitions_as_the_schema_for_editors_does(api: Caller) -> None:
    document = api.client.get("/openapi.json").json
    schema = {"$ref": "#/components/schemas/WorkflowIn", "components": document["components"]}
    sent = [DEFINITION, {"steps": [{"id": "a"}]}, DEFINITION | {"colour": "red"}, None]

    taken = [jsonschema.Draft202012Validator(schema).is_valid({"name": "n", "definition": d}) for d in sent]

    assert taken == [True, False, False, False]


def ticked(app: Flask, ago: str) -> None:
    with app.app_context(), db.engine.begin() as tx:
        tx.execute(text(f"UPDATE installation SET last_tick_at = now() - interval '{ago}'"))


def test_a_living_process_says_so_without_a_database(settings: Settings) -> None:
    app = create_app(replace(settings, database_url="postgresql+psycopg2://nobody@127.0.0.1:1/none"))

    assert app.test_client().get("/healthz").json == {"status": "ok", "reasons": []}


def test_an_installation_that_ticks_is_ready(app: Flask, api: Caller) -> None:
    ticked(app, "1 second")

    reply = api.client.get("/readyz")

    assert (reply.status_code, reply.json) == (200, {"status": "ready", "reasons": []})


def test_an_old_tick_makes_it_not_ready(app: Flask, api: Caller) -> None:
    ticked(app, "45 seconds")

    reply = api.client.get("/readyz")

    assert (reply.status_code, reply.json["code"]) == (503, "not_ready")
    assert reply.headers["Retry-After"]
    assert "clock" in reply.json["reasons"][0]


@pytest.mark.parametrize(
    ("away", "word"),
    [
        ({"database_url": "postgresql+psycopg2://nobody@127.0.0.1:1/none"}, "DATABASE_URL"),
        ({"redis_url": "redis://127.0.0.1:1/0"}, "REDIS_URL"),
    ],
)
def test_a_server_that_is_away_is_named(
    app: Flask, settings: Settings, away: dict[str, str], word: str
) -> None:
    ticked(app, "1 second")

    reply = create_app(replace(settings, **away)).test_client().get("/readyz")

    assert reply.status_code == 503
    assert [word in reason for reason in reply.json["reasons"]] == [True]


def test_without_a_database_a_request_is_told_to_come_back(api: Caller, settings: Settings) -> None:
    lame = create_app(replace(settings, database_url="postgresql+psycopg2://nobody@127.0.0.1:1/none"))

    reply = lame.test_client().get(api.space, headers={"Authorization": f"Bearer {api.key}"})

    assert (reply.status_code, reply.json["code"]) == (503, "database_unavailable")
    assert int(reply.headers["Retry-After"]) > 0


def test_only_changes_of_a_workflow_take_if_match(api: Caller) -> None:
    item = api.client.get("/openapi.json").json["paths"][
        "/workspaces/{workspaceId}/spaces/{spaceId}/workflows/{workflowId}"
    ]

    methods = {
        method
        for method in ("get", "put", "patch", "delete")
        if any(one["name"] == "If-Match" for one in item[method].get("parameters", []))
    }
    assert methods == {"put", "patch", "delete"}

"""Requests that no one thought of: whatever is sent, the API never breaks and always says what is wrong."""

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.api.caller import Caller

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
BODIES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
)
QUERIES = st.dictionaries(
    st.sampled_from(["limit", "cursor", "status", "q", "tag", "x"]), st.text(max_size=20)
)
RELAXED = settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def operations(api: Caller) -> list[tuple[str, str, list[str]]]:
    """List method, path and body fields of each documented operation."""
    document = api.client.get("/openapi.json").json
    schemas = document["components"]["schemas"]
    return [
        (method.upper(), path, list(schemas.get(_schema_name(operation), {}).get("properties", {})))
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters" and path.startswith("/workspaces")
    ]


def _schema_name(operation: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    found: str = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    return found.rpartition("/")[2]


@RELAXED
@given(data=st.data())
def test_no_documented_operation_breaks(api: Caller, workflow: dict[str, Any], data: st.DataObject) -> None:
    known = {"workspaceId": str(api.workspace_id), "spaceId": str(api.space_id), "workflowId": workflow["id"]}
    for method, path, names in operations(api):
        if method == "DELETE" and path.endswith("{spaceId}"):
            continue
        place = re.sub(r"{(\w+)}", lambda match: known.get(match[1], workflow["id"]), path)
        body = data.draw(BODIES | st.dictionaries(st.sampled_from(names or ["x"]), BODIES, max_size=4))

        sent = {} if method == "GET" else {"data": json.dumps(body), "content_type": "application/json"}
        reply = api.ask(method, place, query_string=data.draw(QUERIES), **sent)

        assert reply.status_code < 500, (method, place, body, reply.text)
        assert reply.status_code < 400 or reply.mimetype == "application/problem+json"
        reply.close()


@pytest.mark.parametrize(
    "raw", [b"\x00", b"{" * 5000, b'{"a":' * 100, b"\xf0\x28\x8c\x28", b"1e999", b'"\\u0000"']
)
def test_no_documented_operation_breaks_on_raw_bytes(
    api: Caller, workflow: dict[str, Any], raw: bytes
) -> None:
    known = {"workspaceId": str(api.workspace_id), "spaceId": str(api.space_id)}
    for method, path, names in operations(api):
        if not names:
            continue
        place = re.sub(r"{(\w+)}", lambda match: known.get(match[1], workflow["id"]), path)

        reply = api.ask(method, place, data=raw, headers={"Content-Type": "application/json"})

        assert reply.status_code in (400, 404, 422), (method, place, reply.text)

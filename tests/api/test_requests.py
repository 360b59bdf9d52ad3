"""What every route refuses: bodies, media types, sizes, queries, methods and addresses."""

import gzip
import io
from typing import Any

import pytest

from tests.api.caller import DEFINITION, Caller

JSON = {"Content-Type": "application/json"}
BAD_BODIES = [
    (b"", 400, "malformed_json"),
    (b"{", 400, "malformed_json"),
    (b"\xff", 400, "malformed_json"),
    (b"\xef\xbb\xbf{}", 400, "malformed_json"),
    (b'{"name": "n",}', 400, "malformed_json"),
    (b'{"name": NaN}', 422, "validation_failed"),
    (b'{"name": 1e400}', 422, "validation_failed"),
    (b'{"name": "a", "name": "b"}', 422, "validation_failed"),
    (b'{"name": "a\\u0000"}', 422, "validation_failed"),
    (b'{"name": "\\ud800"}', 422, "validation_failed"),
    (b'{"name": 9007199254740992}', 422, "validation_failed"),
    (b'{"name": ' + b"[" * 100 + b"]" * 100 + b"}", 422, "validation_failed"),
    (b"[" * 100_000, 422, "validation_failed"),
    (b"[]", 422, "validation_failed"),
    (b"null", 422, "validation_failed"),
    (b'"x"', 422, "validation_failed"),
    (b"{}", 422, "validation_failed"),
    (b'{"name": 5}', 422, "validation_failed"),
    (b'{"name": "n", "colour": "red"}', 422, "validation_failed"),
    (b'{"name": "two\\nlines"}', 422, "validation_failed"),
]
WRONG_TYPES = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/problem+json",
    "application/json; charset=utf-16",
    "nonsense",
]


def with_body(method: str, path: str, **body: Any) -> tuple[str, str, dict[str, Any]]:
    return method, path, body


BODY_ROUTES = [
    with_body("POST", "{w}/spaces", name="n"),
    with_body("PATCH", "{s}", name="n"),
    with_body("POST", "{s}/workflows", name="n", definition=DEFINITION),
    with_body("POST", "{s}/workflows/validate", definition=DEFINITION),
    with_body("PUT", "{s}/workflows/{id}", name="n", definition=DEFINITION),
    with_body("PATCH", "{s}/workflows/{id}", name="n"),
    with_body("POST", "{w}/api-keys", name="n", role="viewer"),
    with_body("PATCH", "{w}/quotas", retentionDays=5),
]
LISTS = ["{w}/spaces", "{s}/workflows", "{s}/workflows/{id}/versions", "{w}/api-keys"]
BAD_QUERIES = [
    ("limit=0", "limit"),
    ("limit=201", "limit"),
    ("limit=-1", "limit"),
    ("limit=1e2", "limit"),
    ("limit=", "limit"),
    ("limit=99999999999999999999", "limit"),
    ("limit=1&limit=2", "limit"),
    ("limit=%00", "limit"),
    ("cursor=", "cursor"),
    ("cursor=nonsense", "cursor"),
    ("cursor=é", "cursor"),
    ("cursor=" + "a" * 5000, "cursor"),
    ("colour=red", "colour"),
]


def at(api: Caller, path: str, workflow: dict[str, Any]) -> str:
    return path.format(w=api.workspace, s=api.space, id=workflow["id"])


@pytest.mark.parametrize(("raw", "status", "code"), BAD_BODIES)
def test_a_bad_body_is_refused_and_says_why(api: Caller, raw: bytes, status: int, code: str) -> None:
    reply = api.post(f"{api.workspace}/spaces", data=raw, headers=JSON)

    assert (reply.status_code, reply.json["code"]) == (status, code)
    assert reply.mimetype == "application/problem+json"
    assert status == 400 or reply.json["errors"][0]["message"]


@pytest.mark.parametrize("content_type", WRONG_TYPES)
@pytest.mark.parametrize(("method", "path", "body"), BODY_ROUTES)
def test_only_json_is_taken(
    api: Caller, workflow: dict[str, Any], method: str, path: str, body: dict[str, Any], content_type: str
) -> None:
    headers = {"Content-Type": content_type}

    reply = api.ask(method, at(api, path, workflow), data=b"{}", headers=headers)

    assert (reply.status_code, reply.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "APPLICATION/JSON;charset=UTF-8"]
)
def test_json_may_name_its_charset(api: Caller, content_type: str) -> None:
    reply = api.post(f"{api.workspace}/spaces", data=b'{"name": "n"}', headers={"Content-Type": content_type})

    assert reply.status_code == 201


def test_a_compressed_body_is_refused(api: Caller) -> None:
    headers = JSON | {"Content-Encoding": "gzip"}

    reply = api.post(f"{api.workspace}/spaces", data=gzip.compress(b'{"name": "n"}'), headers=headers)

    assert (reply.status_code, reply.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(("method", "path", "body"), BODY_ROUTES)
def test_an_unknown_field_is_named(
    api: Caller, workflow: dict[str, Any], method: str, path: str, body: dict[str, Any]
) -> None:
    reply = api.ask(method, at(api, path, workflow), body | {"colour": "red"})

    assert (reply.status_code, reply.json["code"]) == (422, "validation_failed")
    assert [fault["path"] for fault in reply.json["errors"]] == ["colour"]


@pytest.mark.parametrize(("method", "path", "body"), BODY_ROUTES)
def test_a_body_over_a_mebibyte_is_refused(
    api: Caller, workflow: dict[str, Any], method: str, path: str, body: dict[str, Any]
) -> None:
    reply = api.ask(method, at(api, path, workflow), data=b" " * (1024 * 1024 + 1), headers=JSON)

    assert (reply.status_code, reply.json["code"]) == (413, "body_too_large")


def test_a_chunked_body_over_a_mebibyte_is_refused(api: Caller) -> None:
    endless = io.BytesIO(b" " * (2 * 1024 * 1024))
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}

    reply = api.post(f"{api.workspace}/spaces", input_stream=endless, environ_base=environ, headers=JSON)

    assert (reply.status_code, reply.json["code"]) == (413, "body_too_large")


def test_a_chunked_body_is_read(api: Caller) -> None:
    body = io.BytesIO(b'{"name": "n"}')
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}

    reply = api.post(f"{api.workspace}/spaces", input_stream=body, environ_base=environ, headers=JSON)

    assert reply.status_code == 201


@pytest.mark.parametrize(("query", "path"), BAD_QUERIES)
@pytest.mark.parametrize("place", LISTS)
def test_a_bad_query_is_named(
    api: Caller, workflow: dict[str, Any], place: str, query: str, path: str
) -> None:
    reply = api.get(f"{at(api, place, workflow)}?{query}")

    assert (reply.status_code, reply.json["code"]) == (422, "validation_failed")
    assert [fault["path"] for fault in reply.json["errors"]] == [path]


def test_a_cursor_is_good_for_its_own_list_alone(api: Caller, stranger: Caller) -> None:
    for name in ("a", "b"):
        api.post(f"{api.workspace}/spaces", {"name": name})
    cursor = api.get(f"{api.workspace}/spaces?limit=1").json["nextCursor"]

    replies = [
        api.get(f"{api.workspace}/api-keys?cursor={cursor}"),
        api.get(f"{api.workspace}/spaces?cursor={cursor[:-1]}"),
        stranger.get(f"{stranger.workspace}/spaces?cursor={cursor}"),
    ]

    assert [reply.status_code for reply in replies] == [422, 422, 422]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
@pytest.mark.parametrize(
    "path", ["/nothing", "/workspaces", "/workspaces//spaces", "/me/x", "/%00", "/..%2fme", "/%ff"]
)
def test_an_address_that_is_no_route_is_a_404_problem(api: Caller, method: str, path: str) -> None:
    reply = api.ask(method, path)

    assert (reply.status_code, reply.json["code"]) == (404, "not_found")
    assert reply.mimetype == "application/problem+json"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/me", "/healthz", "/openapi.json", "/docs"])
def test_a_method_that_a_route_does_not_have_is_405(api: Caller, path: str, method: str) -> None:
    reply = api.ask(method, path)

    assert (reply.status_code, reply.json["code"]) == (405, "method_not_allowed")
    assert reply.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_a_slash_at_the_end_makes_no_difference(api: Caller) -> None:
    reply = api.post(f"{api.workspace}/spaces/", {"name": "n"})

    assert (reply.status_code, api.get("/me/").status_code) == (201, 200)


def test_head_gives_the_headers_and_options_the_methods(api: Caller) -> None:
    head = api.ask("HEAD", "/me")
    options = api.client.options(f"{api.workspace}/spaces")

    assert (head.status_code, head.data) == (200, b"")
    assert set(options.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert (options.data, options.headers.get("Content-Type")) == (b"", None)


@pytest.mark.parametrize("path", ["/me", "/nothing", "/docs", "/openapi.json"])
def test_every_answer_carries_the_headers_of_safety(api: Caller, path: str) -> None:
    headers = api.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert not [name for name, _ in headers if name.startswith("Access-Control")]


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, None, 1, [], "a\tb\x07"])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "{w}/spaces"), ("PATCH", "{s}"), ("PATCH", "{s}/workflows/{id}")]
)
def test_a_bad_name_is_refused(
    api: Caller, workflow: dict[str, Any], method: str, path: str, name: Any
) -> None:
    reply = api.ask(method, at(api, path, workflow), {"name": name})

    assert (reply.status_code, [fault["path"] for fault in reply.json["errors"]]) == (422, ["name"])


@pytest.mark.parametrize(
    ("field", "value"),
    [("enabled", "true"), ("enabled", 1), ("enabled", None), ("maxConcurrency", 0), ("maxConcurrency", "3")],
)
def test_a_bad_field_of_a_workflow_is_named(
    api: Caller, workflow: dict[str, Any], field: str, value: Any
) -> None:
    reply = api.ask("PATCH", f"{api.space}/workflows/{workflow['id']}", {field: value})

    assert (reply.status_code, [fault["path"] for fault in reply.json["errors"]]) == (422, [field])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("maxConcurrentExecutions", 0),
        ("maxPendingExecutions", -1),
        ("executionsPerDay", 1.5),
        ("maxExecutionSeconds", 2**31),
        ("retentionDays", None),
        ("retentionDays", 1_000_000_000),
        ("retentionDays", 36_501),
        ("maxConcurrentExecutions", 1_000_001),
        ("maxPendingExecutions", 100_000_001),
        ("executionsPerDay", 1_000_000_001),
        ("maxExecutionSeconds", 366 * 86_400 + 1),
    ],
)
def test_a_bad_quota_is_named(api: Caller, field: str, value: Any) -> None:
    reply = api.ask("PATCH", f"{api.workspace}/quotas", {field: value})

    assert (reply.status_code, [fault["path"] for fault in reply.json["errors"]]) == (422, [field])


def test_quotas_are_read_and_changed_one_by_one(api: Caller) -> None:
    before = api.get(f"{api.workspace}/quotas").json

    after = api.ask("PATCH", f"{api.workspace}/quotas", {"executionsPerDay": 10, "retentionDays": 7}).json

    assert before == {
        "maxConcurrentExecutions": 1000,
        "maxPendingExecutions": 100_000,
        "executionsPerDay": None,
        "maxExecutionSeconds": 86_400,
        "retentionDays": 30,
    }
    assert after == before | {"executionsPerDay": 10, "retentionDays": 7}

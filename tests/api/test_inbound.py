"""What the outside sends to webhooks."""

import gzip
import json
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.caller import Caller
from tests.api.sender import SIGNERS, Hook, new_hook

SAFE = 2**53 - 1
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
LEAVES = (
    st.none() | st.booleans() | st.integers(-SAFE, SAFE) | st.floats(allow_nan=False, allow_infinity=False)
)
ANY_JSON = st.recursive(
    LEAVES | TEXTS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5)
)
BAD: dict[str, dict[str, str]] = {
    "standard": {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,x"},
    "github": {"X-Hub-Signature-256": "sha256=é"},
    "stripe": {"Stripe-Signature": "t=,v1"},
    "slack": {"X-Slack-Request-Timestamp": "now", "X-Slack-Signature": "v0="},
    "bearer": {"Authorization": "Bearer é"},
    "basic": {"Authorization": "Basic é"},
    "hmac": {"X-Shopify-Hmac-SHA256": "é"},
}


KINDS = [
    *("application/json", "application/json; charset=utf-16", "a/b+json", "text/plain; charset=utf-16"),
    *("application/x-www-form-urlencoded", "multipart/form-data; boundary=B", "multipart/form-data", "é; ="),
]


@pytest.fixture
def hook(api: Caller, workflow: dict[str, Any]) -> Hook:
    return new_hook(api, workflow)


@pytest.mark.parametrize("scheme", SIGNERS)
def test_a_call_signed_as_the_provider_says_starts_an_execution(
    api: Caller, workflow: dict[str, Any], scheme: str
) -> None:
    hook = new_hook(api, workflow, scheme)

    reply = hook.send_signed(b'{ "order": 7 }')

    execution = hook.execution(reply)
    assert (reply.status_code, list(reply.json)) == (202, ["executionId"])
    assert (execution["triggeredBy"], execution["input"]) == ("webhook", {"order": 7})
    assert (execution["webhookId"], execution["workflowId"]) == (hook.made["id"], workflow["id"])
    assert [row["outcome"] for row in hook.deliveries()] == ["accepted"]


@pytest.mark.parametrize("scheme", SIGNERS)
def test_unsigned_badly_signed_disabled_and_unknown_are_one_answer(
    api: Caller, workflow: dict[str, Any], scheme: str
) -> None:
    hook, off = new_hook(api, workflow, scheme), new_hook(api, workflow, scheme, enabled=False)
    strangers_secret = new_hook(api, workflow, scheme).made["secret"]

    replies = [
        hook.send(b"{}"),
        hook.send(b"{}", headers=BAD[scheme]),
        hook.send_signed(b"{}", secret=strangers_secret),
        hook.send(b"{}", method="GET"),
        off.send_signed(b"{}"),
        api.client.post(f"/webhooks/{uuid.uuid4()}", json={}),
        api.client.post("/webhooks/none", json={}),
    ]

    assert {reply.status_code for reply in replies} == {401}
    assert len({(reply.data, str(reply.headers)) for reply in replies}) == 1
    assert hook.executions() == off.executions() == []
    assert [row["reason"] for row in hook.deliveries()] == ["bad_signature"] * 4
    assert [row["reason"] for row in off.deliveries()] == ["disabled"]


@pytest.mark.parametrize("scheme", ["standard", "github", "stripe", "slack", "hmac"])
def test_a_signature_holds_for_its_bytes_and_no_others(
    api: Caller, workflow: dict[str, Any], scheme: str
) -> None:
    hook = new_hook(api, workflow, scheme)
    headers = SIGNERS[scheme](hook.made["secret"], b'{"a": 1}')

    reply = hook.send(b'{"a":1}', headers=headers)

    assert (reply.status_code, hook.executions()) == (401, [])


@pytest.mark.parametrize("method", ["POST", "PUT"])
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(payload=ANY_JSON)
def test_the_input_is_what_was_posted_whatever_json_it_was(hook: Hook, method: str, payload: Any) -> None:
    reply = hook.send(json.dumps(payload).encode(), method)

    assert hook.input_of(reply) == payload


@pytest.mark.parametrize(
    ("kind", "body", "wanted"),
    [
        ("application/cloudevents+json; charset=utf-8", b'{"id": "1"}', {"id": "1"}),
        (
            "application/x-www-form-urlencoded",
            b"a=1&b=%C3%A9+x&a=2&c=",
            {"a": ["1", "2"], "b": "é x", "c": ""},
        ),
        (
            "multipart/form-data; boundary=B",
            b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--B--',
            {"a": "1"},
        ),
        ("application/x-www-form-urlencoded", "a=é x".encode(), {"a": "é x"}),
        (
            "Application/X-WWW-Form-URLencoded; charset=ISO-8859-1",
            b"a=%E9&b=\xe9",
            {"a": "é", "b": "é"},
        ),
        ('APPLICATION/JSON; CHARSET="UTF-8"', b'{"a": 1}', {"a": 1}),
        ("text/json", b"[1]", [1]),
        ("text/plain; charset=iso-8859-1", b"caf\xe9", {"body": "café"}),
        ("text/xml", b"<a/>", {"body": "<a/>"}),
        (None, b'{"a": 1}', {"a": 1}),
        (None, b"plain", {"body": "plain"}),
        ("text/plain", b"", {}),
        ("application/json", b"", {}),
    ],
)
def test_forms_and_texts_become_input_too(hook: Hook, kind: str | None, body: bytes, wanted: Any) -> None:
    reply = hook.send(body, content_type=kind)

    assert hook.input_of(reply) == wanted


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{", 400),
        ("application/json", b"\xef\xbb\xbf{}", 400),
        ("application/json", b'{"a": "\\u0000"}', 422),
        ("application/json", b'{"a": 1e400}', 422),
        ("application/json", b"[" * 65 + b"]" * 65, 422),
        ("application/x-www-form-urlencoded", b"a=%FF", 422),
        ("application/x-www-form-urlencoded", b"a=%00", 422),
        ("application/x-www-form-urlencoded", b"&".join([b"a=1"] * 1001), 422),
        ("multipart/form-data", b"x", 422),
        (
            "multipart/form-data; boundary=B",
            b'--B\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n1\r\n--B--',
            415,
        ),
        (
            "multipart/form-data; boundary=B",
            b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xe9\r\n--B--',
            422,
        ),
        ("text/plain", b"\0", 422),
        ("text/plain; charset=punycode", b"\xff", 415),
        ("application/octet-stream", b"\xff\xfe", 415),
    ],
)
def test_a_payload_that_cannot_be_kept_is_refused_and_recorded(
    hook: Hook, kind: str, body: bytes, status: int
) -> None:
    reply = hook.send(body, content_type=kind)

    [row] = hook.deliveries()
    assert (reply.status_code, hook.executions()) == (status, [])
    assert (row["outcome"], row["reason"], row["body"]) == ("rejected", reply.json["code"], None)


@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_a_compressed_body_is_refused_with_the_reason(hook: Hook, kind: str) -> None:
    reply = hook.send(gzip.compress(b"{}"), content_type=kind, headers={"Content-Encoding": "gzip"})

    assert (reply.status_code, hook.deliveries()[0]["reason"]) == (415, "unsupported_media_type")
    assert "compressed" in reply.json["detail"]


def test_a_body_beyond_a_mebibyte_is_refused_for_known_and_unknown_alike(hook: Hook, api: Caller) -> None:
    body = b'"' + b"x" * (1024 * 1024 - 2) + b'"'

    assert hook.send(body).status_code == 202
    assert hook.send(body + b" ").status_code == 413
    assert hook.deliveries()[0]["reason"] == "body_too_large"
    unknown = api.client.post(f"/webhooks/{uuid.uuid4()}", data=body + b" ", headers=BAD["github"])
    assert unknown.status_code == 413


def test_a_get_starts_with_an_empty_input_and_its_query_in_trigger(hook: Hook) -> None:
    reply = hook.send(method="GET", query_string="a=1&b=2&b=%C3%A9&api_key=s3cret", headers={"X-Trace": "t"})

    execution = hook.execution(reply)
    assert execution["input"] == {}
    assert execution["trigger"]["method"] == "GET"
    assert execution["trigger"]["query"] == {"a": "1", "b": ["2", "é"]}
    assert execution["trigger"]["headers"]["x-trace"] == "t"


@pytest.mark.parametrize("query", ["b=%00", "b=%FF", "%00=b", "b=%C3"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_query_that_cannot_be_kept_as_it_is_is_refused_and_recorded(
    hook: Hook, method: str, query: str
) -> None:
    reply = hook.send(method=method, query_string=query)

    [row] = hook.deliveries()
    assert (reply.status_code, reply.json["errors"][0]["path"]) == (422, "query")
    assert (row["outcome"], row["reason"]) == ("rejected", "validation_failed")
    assert hook.executions() == []


@pytest.mark.parametrize("scheme", [*SIGNERS, "none"])
def test_a_refused_call_is_asked_for_the_same_whatever_the_webhook_wants(
    api: Caller, workflow: dict[str, Any], scheme: str
) -> None:
    hook = new_hook(api, workflow, scheme, enabled=False)

    replies = [hook.send(), api.client.post(f"/webhooks/{uuid.uuid4()}")]

    assert [reply.headers["WWW-Authenticate"] for reply in replies] == ["Webhook", "Webhook"]


@pytest.mark.parametrize("method", ["HEAD", "DELETE", "PATCH"])
def test_other_methods_start_nothing(hook: Hook, method: str) -> None:
    reply = hook.send(method=method)

    assert reply.status_code == 405
    assert reply.headers["Allow"] == "GET, OPTIONS, POST, PUT"
    assert hook.executions() == []


@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_call_of_any_shape_breaks_the_door(hook: Hook, data: st.DataObject) -> None:
    latin = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=40)
    names = st.sampled_from(["X-A", "webhook-id", "Idempotency-Key", "X-Forwarded-For", "Cookie"])

    reply = hook.send(
        data.draw(st.binary(max_size=60) | st.sampled_from([b"[]", b'"\\u0000"', b"a=%00&%FF", b"--B--"])),
        data.draw(st.sampled_from(["GET", "POST", "PUT"])),
        content_type=data.draw(st.none() | st.sampled_from(KINDS) | latin),
        query_string=data.draw(st.binary(max_size=40)).decode("latin-1"),
        headers=data.draw(st.dictionaries(names, latin)),
    )

    assert reply.status_code < 500, reply.text


@pytest.mark.parametrize("scheme", SIGNERS)
def test_no_credential_of_a_call_is_kept_or_shown(api: Caller, workflow: dict[str, Any], scheme: str) -> None:
    hook = new_hook(api, workflow, scheme)
    headers = {"Cookie": "session=c4nary", "X-Api-Key": "c4nary", "X-Event": "push"}

    execution = hook.execution(hook.send_signed(headers=headers))

    [row] = hook.deliveries()
    signed = SIGNERS[scheme](hook.made["secret"], b"{}")
    for shown in (execution["trigger"], row):
        assert "c4nary" not in json.dumps(shown)
        assert shown["headers"]["x-event"] == "push"
        assert not [name for name in signed if "ignature" in name and name.lower() in shown["headers"]]
        assert hook.made["secret"] not in json.dumps(shown)
        assert {"authorization", "x-shopify-hmac-sha256"}.isdisjoint(shown["headers"])


def test_a_disabled_workflow_and_a_lost_one_are_told_and_recorded(
    api: Caller, workflow: dict[str, Any]
) -> None:
    hook = new_hook(api, workflow)
    path = f"{api.space}/workflows/{workflow['id']}"
    api.ask("PATCH", path, {"enabled": False})

    disabled = hook.send(headers={"webhook-id": "1"})
    [row] = hook.deliveries()
    api.ask("PATCH", path, {"enabled": True})
    enabled = hook.send(headers={"webhook-id": "1"})
    api.ask("DELETE", path)

    assert (disabled.status_code, disabled.json["code"]) == (409, "workflow_disabled")
    assert (row["outcome"], row["reason"], row["deliveryId"]) == ("rejected", "workflow_disabled", "1")
    assert enabled.status_code == 202
    assert hook.send().status_code == 401

"""What an `http` step sends, and what it makes of each reply."""

import base64
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from app import clock
from app.steps.base import STEP_TYPES, Done, Failed, Outcome, Retry
from app.steps.secrets import SecretRef, SecretText
from tests.unit.http_server import KEY, answering, echo, send, send_raw

TOKEN = {"TOKEN": "s3cret/ +&value"}
SECRET = SecretText((SecretRef("TOKEN"),))


def done(outcome: Outcome) -> dict[str, Any]:
    assert isinstance(outcome, Done), outcome
    output: dict[str, Any] = outcome.output
    return output


def echoed(path: str = "/", **args: Any) -> dict[str, Any]:
    body: dict[str, Any] = done(send(echo, path, **args))["body"]
    return body


def test_http_is_registered_as_a_step_with_effects() -> None:
    assert (STEP_TYPES["http"].effect, STEP_TYPES["http"].timeout) == (True, 30)


def test_the_output_has_status_headers_body_and_duration() -> None:
    output = done(send(answering('{"n": 1}', 201, Content_Type="application/json", X_One="a")))

    assert output.keys() == {"status", "headers", "body", "durationMs"}
    assert (output["status"], output["body"], output["headers"]["x-one"]) == (201, {"n": 1}, "a")
    assert output["durationMs"] >= 0


def test_a_bare_url_is_a_get_with_our_name_and_the_idempotency_key() -> None:
    sent = echoed("/orders?a=1")

    assert (sent["method"], sent["path"], sent["body"]) == ("GET", "/orders?a=1", "")
    assert sent["headers"]["user-agent"] == "Linea-Executions"
    assert sent["headers"]["idempotency-key"] == KEY


def test_an_idempotency_key_of_the_user_stands() -> None:
    sent = echoed(headers={"idempotency-KEY": "mine"})

    assert sent["headers"]["idempotency-key"] == "mine"


def test_query_values_are_encoded_and_join_those_of_the_url() -> None:
    sent = echoed("/?a=%2B", query={"q": "x&y =é", "n": 1.0, "flag": True, "many": ["1", 2], "none": None})

    assert sent["path"] == "/?a=%2B&q=x%26y+%3D%C3%A9&n=1&flag=true&many=1&many=2"


@pytest.mark.parametrize("method", ["get", "HEAD", "post", "Put", "PATCH", "delete", "OPTIONS"])
def test_each_method_may_be_written_in_any_case(method: str) -> None:
    output = done(send(echo, method=method))

    assert output["status"] == 200
    assert method == "HEAD" or output["body"]["method"] == method.upper()


@pytest.mark.parametrize(
    ("args", "body", "media_type"),
    [
        ({"json": {"a": [1, "é"]}}, '{"a":[1,"é"]}', "application/json"),
        ({"json": None}, "null", "application/json"),
        ({"form": {"a": "1 &", "b": ["x", 2]}}, "a=1+%26&b=x&b=2", "application/x-www-form-urlencoded"),
        ({"body": "héllo"}, "héllo", "text/plain; charset=utf-8"),
        ({"body": {"base64": "aGk="}}, "hi", "application/octet-stream"),
        ({"body": "<a/>", "headers": {"content-type": "text/xml"}}, "<a/>", "text/xml"),
    ],
)
def test_each_kind_of_body_is_sent_with_its_media_type(
    args: dict[str, Any], body: str, media_type: str
) -> None:
    sent = echoed(method="POST", **args)

    assert (sent["body"], sent["headers"]["content-type"]) == (body, media_type)


def test_a_bearer_token_and_a_basic_password_become_authorization() -> None:
    bearer = echoed(auth={"bearer": SECRET}, secrets=TOKEN)
    basic = echoed(auth={"basic": {"username": "ann", "password": SECRET}}, secrets=TOKEN)

    assert bearer["headers"]["authorization"] == f"Bearer {TOKEN['TOKEN']}"
    pair = base64.b64encode(f"ann:{TOKEN['TOKEN']}".encode()).decode()
    assert basic["headers"]["authorization"] == f"Basic {pair}"


def test_secrets_are_filled_in_and_encoded_for_their_place() -> None:
    sent = echoed(
        method="POST", query={"t": SECRET}, headers={"X-T": SECRET}, form={"t": SECRET}, secrets=TOKEN
    )

    assert sent["path"] == "/?t=s3cret/+%2B%26value"
    assert sent["headers"]["x-t"] == TOKEN["TOKEN"]
    assert sent["body"] == "t=s3cret%2F+%2B%26value"


def test_a_secret_that_does_not_exist_fails_the_step() -> None:
    outcome = send(echo, headers={"X-T": SecretText((SecretRef("GONE"),))})

    assert isinstance(outcome, Failed)
    assert "GONE" in outcome.error


def test_a_line_break_in_a_secret_fails_without_showing_it() -> None:
    outcome = send(echo, headers={"X-T": SECRET}, secrets={"TOKEN": "hidden\r\nHost: evil"})

    assert isinstance(outcome, Failed)
    assert "X-T" in outcome.error
    assert "hidden" not in outcome.error


@pytest.mark.parametrize(
    ("raw", "media_type", "body"),
    [
        (b'{"a": 1}', "application/json", {"a": 1}),
        (b'{"a": 1}', "application/problem+json; charset=utf-8", {"a": 1}),
        ("grün".encode("latin-1"), "text/plain; charset=iso-8859-1", "grün"),
        ("grün".encode("utf-16"), "text/plain; charset=utf-16", "grün"),
        ("\ufeffgrün".encode(), "text/html", "grün"),
        (b"a\x00b\xff", "text/plain", "a\ufffdb\ufffd"),
        (b"abc", "text/plain; charset=punycode", "abc"),
        (b"abc", "text/plain; charset=no-such", "abc"),
        (b"abc", "text/plain; charset=base64", "abc"),
        (b"\\ud800", "text/plain; charset=unicode_escape", "\\ud800"),
        (b"<svg/>", "image/svg+xml", "<svg/>"),
        (b"\x89PNG", "image/png", {"base64": "iVBORw=="}),
        (b"plain", "application/octet-stream", {"base64": "cGxhaW4="}),
        (b"", "application/json", None),
    ],
)
def test_a_body_is_read_by_its_media_type(raw: bytes, media_type: str, body: Any) -> None:
    output = done(send(answering(raw, Content_Type=media_type)))

    assert output["body"] == body
    assert "bodyError" not in output


@pytest.mark.parametrize(
    "raw", ['{"a": NaN}', '{"a": 1, "a": 2}', "[9007199254740993]", '"\\u0000"', "{", "[" * 65]
)
def test_json_that_the_strict_reader_refuses_stays_text(raw: str) -> None:
    output = done(send(answering(raw, Content_Type="application/json")))

    assert output["body"] == raw
    assert output["bodyError"]


def test_what_is_wrong_with_the_whole_body_is_said_without_a_place() -> None:
    output = done(send(answering("NaN", Content_Type="application/json")))

    assert output["bodyError"] == "The body holds a value that cannot be kept. NaN and Infinity are not JSON."


@pytest.mark.parametrize(("raw", "body"), [(b"plain", "plain"), (b"\xff\x00", {"base64": "/wA="})])
def test_a_body_without_media_type_is_text_when_it_reads_as_text(raw: bytes, body: Any) -> None:
    output = done(send_raw(b"HTTP/1.1 200 OK\r\n\r\n" + raw))

    assert output["body"] == body


def test_headers_that_repeat_are_joined_and_bad_bytes_replaced() -> None:
    output = done(send_raw(b"HTTP/1.1 200 OK\r\nX-A: caf\xc3\xa9\r\nx-a: \xff\r\nContent-Length: 0\r\n\r\n"))

    assert output["headers"]["x-a"] == "caf\u00e9, \ufffd"


def test_an_answer_that_is_no_http_is_worth_another_try() -> None:
    outcome = send_raw(b"SSH-2.0-OpenSSH\r\n\r\n")

    assert isinstance(outcome, Retry)
    assert "no valid HTTP answer" in outcome.error


def test_a_large_json_body_is_read_too() -> None:
    output = done(send(answering("[" + "1," * 200_000 + "1]", Content_Type="application/json")))

    assert len(output["body"]) == 200_001


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_a_transient_status_asks_for_another_try(status: int) -> None:
    outcome = send(answering("try later", status))

    assert isinstance(outcome, Retry)
    assert outcome.after is None
    assert str(status) in outcome.error


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422, 451])
def test_another_error_status_fails_and_says_what_the_server_said(status: int) -> None:
    outcome = send(answering("no such  order\n", status))

    assert isinstance(outcome, Failed)
    assert outcome.error.startswith("127.0.0.1:")
    assert str(status) in outcome.error
    assert outcome.error.endswith(": no such order")


def test_a_long_error_body_is_not_quoted() -> None:
    outcome = send(answering("x" * 501, 404))

    assert isinstance(outcome, Failed)
    assert outcome.error.endswith(" answered 404 Not Found.")


@pytest.mark.parametrize("status", [404, 500])
def test_without_fail_on_status_an_error_is_an_answer(status: int) -> None:
    output = done(send(answering("gone", status, Content_Type="text/plain"), failOnStatus=False))

    assert (output["status"], output["body"]) == (status, "gone")


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7), (" 1.5 ", 1.5), ("0", 0), ("soon", None), ("-1", None)]
)
def test_retry_after_in_seconds_is_heard(text: str, seconds: float | None) -> None:
    outcome = send(answering("", 429, Retry_After=text))

    assert isinstance(outcome, Retry)
    assert outcome.after == seconds


@pytest.mark.parametrize(("ahead", "least", "most"), [(3600, 3000, 3600), (-90, 0, 0)])
def test_retry_after_as_a_date_is_heard(ahead: int, least: float, most: float) -> None:
    outcome = send(
        answering("", 503, Retry_After=format_datetime(clock.now() + timedelta(seconds=ahead), usegmt=True))
    )

    assert isinstance(outcome, Retry)
    assert outcome.after is not None
    assert least <= outcome.after <= most


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\x00b"])
def test_a_secret_with_a_line_break_or_nul_is_no_header_value(value: str) -> None:
    outcome = send(echo, headers={"X-A": SecretText((SecretRef("BAD"),))}, secrets={"BAD": value})

    assert isinstance(outcome, Failed)
    assert "X-A" in outcome.error
    assert value not in outcome.error


@pytest.mark.parametrize("args", [{"headers": {"X-A": "\ud83d"}}, {"body": "\ud83d"}])
def test_half_a_character_is_refused(args: dict[str, Any]) -> None:
    outcome = send(echo, method="POST", **args)

    assert isinstance(outcome, Failed)
    assert "surrogate" in outcome.error


@pytest.mark.parametrize("body", [5, {"a": 1}, {"base64": "%"}])
def test_a_body_that_is_no_text_is_refused(body: Any) -> None:
    outcome = send(echo, method="POST", body=body)

    assert isinstance(outcome, Failed)
    assert "body" in outcome.error

"""How an `http` step follows redirects, and what it leaves behind on another origin."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from app.steps.base import Done, Failed, Outcome
from app.steps.http_message import compose, redirected
from app.steps.http_schema import HttpStep
from app.steps.secrets import SecretRef, SecretText
from tests.unit.http_server import Handler, answering, call, client, echo, send, serving

TOKEN = {"TOKEN": "s3cret-value"}
SECRET = SecretText((SecretRef("TOKEN"),))


def to_echo(status: int, location: str = "/echo") -> Handler:
    """Make a handler that redirects all paths but /echo."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/echo":
            return await echo(request)
        return web.Response(status=status, headers={"Location": location})

    return handler


def across(status: int, path: str = "/echo", **args: Any) -> Outcome:
    """Send a step to a server that redirects to one on another port."""

    async def exchange() -> Outcome:
        async with (
            serving(echo) as other,
            serving(to_echo(status, other + path)) as origin,
            client() as sender,
        ):
            return await call(sender, TOKEN, url=origin + "/", **args)

    return asyncio.run(exchange())


def echoed(outcome: Outcome) -> dict[str, Any]:
    assert isinstance(outcome, Done), outcome
    body: dict[str, Any] = outcome.output["body"]
    return body


@pytest.mark.parametrize(
    ("status", "method", "becomes"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (301, "PUT", "PUT"),
        (302, "DELETE", "DELETE"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (302, "GET", "GET"),
    ],
)
def test_the_method_changes_by_the_rules_of_browsers(status: int, method: str, becomes: str) -> None:
    sent = echoed(send(to_echo(status), method=method, body="x"))

    kept = method == becomes
    assert (sent["method"], sent["path"]) == (becomes, "/echo")
    assert sent["body"] == ("x" if kept else "")
    assert (sent["headers"].get("content-type") == "text/plain; charset=utf-8") is kept


def test_a_redirect_within_the_origin_keeps_credentials() -> None:
    sent = echoed(send(to_echo(307), method="POST", auth={"bearer": SECRET}, json=SECRET, secrets=TOKEN))

    assert sent["headers"]["authorization"] == "Bearer s3cret-value"
    assert sent["body"] == '"s3cret-value"'


def test_another_origin_gets_no_credential_and_no_secret() -> None:
    headers = {
        "Cookie": "a=b",
        "X-Api-Key": "k",
        "X-Other": SECRET,
        "X-Plain": "plain",
    }

    sent = echoed(across(302, auth={"bearer": "written-out"}, headers=headers, query={"t": SECRET}))

    assert sent["headers"].keys().isdisjoint({"authorization", "cookie", "x-api-key", "x-other"})
    assert sent["headers"]["x-plain"] == "plain"
    assert "s3cret" not in str(sent)


@pytest.mark.parametrize(
    "origin", ["http://a.example:8443", "https://b.example:8443", "https://a.example:8444"]
)
def test_another_scheme_host_or_port_is_another_origin(origin: str) -> None:
    args = HttpStep().load({"url": "https://a.example:8443/", "auth": {"bearer": "token"}})
    first = compose(args, "key", {})

    sent = redirected(first, 302, origin + "/next", {})

    assert (str(sent.url), "Authorization" in sent.headers) == (origin + "/next", False)


def test_credentials_do_not_come_back_on_the_way_home() -> None:
    async def exchange() -> Outcome:
        home: list[str] = []

        async def there_and_back(request: web.Request) -> web.StreamResponse:
            return web.Response(status=302, headers={"Location": home[0] + "/echo"})

        async with (
            serving(there_and_back) as other,
            serving(to_echo(302, other)) as origin,
            client() as sender,
        ):
            home.append(origin)
            return await call(sender, url=origin + "/", auth={"bearer": "token"})

    sent = echoed(asyncio.run(exchange()))

    assert "authorization" not in sent["headers"]


def test_a_body_with_a_secret_is_not_sent_to_another_origin() -> None:
    outcome = across(307, method="POST", json={"token": SECRET})

    assert isinstance(outcome, Failed)
    assert "a secret in the body" in outcome.error
    assert "s3cret" not in outcome.error


def test_a_body_without_a_secret_is_sent_to_another_origin() -> None:
    sent = echoed(across(308, method="POST", json={"n": 1}, auth={"bearer": SECRET}))

    assert sent["body"] == '{"n":1}'


@pytest.mark.parametrize("path", ["/echo?t=s3cret-value", "/s3cret%2Dvalue"])
def test_a_location_with_a_secret_is_not_followed_to_another_origin(path: str) -> None:
    outcome = across(302, path, query={"t": SECRET})

    assert isinstance(outcome, Failed)
    assert "another origin" in outcome.error
    assert "s3cret" not in outcome.error


def test_each_redirect_is_checked_again() -> None:
    outcome = send(to_echo(302, "http://169.254.169.254/latest/meta-data/"))

    assert isinstance(outcome, Failed)
    assert outcome.error.startswith("169.254.169.254 is at 169.254.169.254")
    assert "HTTP_ALLOW_HOSTS" in outcome.error


@pytest.mark.parametrize(
    "location", ["ftp://h/", "file:///etc/passwd", "http://u:p@h/", "http://[::1", "http://127.1/"]
)
def test_a_location_that_cannot_be_followed_fails(location: str) -> None:
    outcome = send(to_echo(302, location))

    assert isinstance(outcome, Failed)
    assert "redirects to an address that is no valid" in outcome.error


def test_five_redirects_are_followed_and_six_are_not() -> None:
    async def countdown(request: web.Request) -> web.StreamResponse:
        left = int(request.path.strip("/"))
        return web.Response(status=302, headers={"Location": f"/{left - 1}"}) if left else await echo(request)

    five, six = send(countdown, "/5"), send(countdown, "/6")

    assert echoed(five)["path"] == "/0"
    assert isinstance(six, Failed)
    assert "More than 5 redirects" in six.error


def test_a_redirect_is_the_answer_when_it_is_not_to_be_followed() -> None:
    outcome = send(to_echo(302), followRedirects=False)

    assert isinstance(outcome, Done)
    assert (outcome.output["status"], outcome.output["headers"]["location"]) == (302, "/echo")


@pytest.mark.parametrize("status", [300, 302, 304])
def test_a_redirect_without_location_is_the_answer(status: int) -> None:
    outcome = send(answering(b"", status))

    assert isinstance(outcome, Done)
    assert outcome.output["status"] == status

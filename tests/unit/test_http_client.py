"""What the `http` step refuses to reach, and what it says when the network fails."""

import asyncio
import socket
import ssl
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from marshmallow import ValidationError

from app import clock
from app.steps.base import Done, Failed, Outcome, Retry
from app.steps.http_schema import HttpStep
from app.steps.secrets import SecretRef, SecretText
from tests.unit.http_server import answering, call, client, echo, fetch, send, serving


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "http://127.1.2.3/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://①②⑦.0.0.1/",
        "http://169.254.169.254/",
        "http://168.63.129.16/",
        "https://10.0.0.1/",
        "http://0.0.0.0/",
        "http://localhost:9/",
    ],
)
def test_an_address_inside_is_refused_and_the_setting_named(url: str) -> None:
    outcome = fetch(url, allow="")

    assert isinstance(outcome, Failed)
    assert "HTTP_ALLOW_HOSTS" in outcome.error


@pytest.mark.parametrize(
    "url",
    [
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://0/",
        "http://127.0.0.1./",
        "http://a..b/",
        "http://a b/",
        "http:///x",
        "http://h:0/",
        "http://h:99999/",
        "ftp://h/",
        "file:///etc/passwd",
        "/orders",
        "",
        "http://ann:pw@h/",
        "http://ann@h/",
        "http://h/\r\nX: y",
        "http://[::1",
    ],
)
def test_a_bad_url_is_refused_when_the_step_is_loaded_and_so_when_it_is_saved(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        HttpStep().load({"url": url})

    assert str(refused.value.normalized_messages()["url"][0]).startswith("The url ")


@pytest.mark.parametrize("allow", ["127.0.0.1", "127.0.0.0/8", "localhost", "0.0.0.0/0"])
def test_the_allow_list_opens_a_name_by_the_name_or_its_address(allow: str) -> None:
    async def exchange() -> Outcome:
        async with serving(echo) as origin, client(allow) as sender:
            return await call(sender, url=origin.replace("127.0.0.1", "localhost"))

    assert isinstance(asyncio.run(exchange()), Done)


def test_a_port_in_the_allow_list_opens_that_port_alone() -> None:
    async def exchange() -> tuple[Outcome, Outcome]:
        async with (
            serving(echo) as one,
            serving(echo) as other,
            client(one.removeprefix("http://")) as sender,
        ):
            return await call(sender, url=one), await call(sender, url=other)

    one, other = asyncio.run(exchange())

    assert isinstance(one, Done)
    assert isinstance(other, Failed)


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert isinstance(send(echo), Done)


def test_no_cookie_is_kept() -> None:
    async def exchange() -> Outcome:
        async with client() as sender:
            async with serving(answering(Set_Cookie="a=b")) as origin:
                await call(sender, url=origin)
            async with serving(echo) as origin:
                return await call(sender, url=origin)

    outcome = asyncio.run(exchange())

    assert isinstance(outcome, Done)
    assert "cookie" not in outcome.output["body"]["headers"]


def test_nothing_that_listens_is_worth_another_try() -> None:
    outcome = fetch("http://127.0.0.1:1/")

    assert outcome == Retry("No connection to 127.0.0.1:1 could be made: connection refused.")


def test_a_connection_that_is_not_taken_in_time_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.steps.client.CONNECT_SECONDS", 0.2)
    with ExitStack() as full:
        listener = full.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        waiting = [full.enter_context(socket.socket()) for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())

        outcome = fetch(f"http://127.0.0.1:{listener.getsockname()[1]}/")

    assert isinstance(outcome, Retry)
    assert "did not take the connection" in outcome.error


def test_a_name_that_does_not_resolve_is_worth_another_try() -> None:
    outcome = fetch("http://no-such-host.invalid/")

    assert isinstance(outcome, Retry)
    assert "no-such-host.invalid" in outcome.error


def test_a_host_in_a_secret_is_not_shown() -> None:
    url = SecretText((SecretRef("BASE"), "/orders"))

    outcome = fetch(url, secrets={"BASE": "http://127.0.0.1:1"})

    assert outcome == Retry(
        "No connection to the server named in a secret could be made: connection refused."
    )


def test_a_connection_that_breaks_is_worth_another_try() -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"Content-Length": "100"})
        await reply.prepare(request)
        await reply.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return reply

    outcome = send(break_off)

    assert isinstance(outcome, Retry)
    assert "broke before the answer was complete" in outcome.error


def self_signed(folder: Path) -> ssl.SSLContext:
    """Make a server's TLS context whose certificate nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .sign(key, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / "server.pem"
    file.write_bytes(pem + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    async def exchange() -> Outcome:
        async with serving(echo, tls=self_signed(tmp_path)) as origin, client() as sender:
            return await call(sender, url=origin)

    outcome = asyncio.run(exchange())

    assert isinstance(outcome, Failed)
    assert "certificate" in outcome.error


def test_a_server_without_tls_is_said_to_have_none() -> None:
    async def exchange() -> Outcome:
        async with serving(echo) as origin, client() as sender:
            return await call(sender, url=origin.replace("http:", "https:"))

    outcome = asyncio.run(exchange())

    assert isinstance(outcome, Retry)
    assert "the TLS handshake failed" in outcome.error

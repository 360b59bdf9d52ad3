"""The request of an `http` step: put together with its secrets, checked, and changed by redirects."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote_plus, urlencode

from multidict import CIMultiDict
from yarl import URL

from app import strictjson
from app.steps.http_schema import HttpArgs
from app.steps.http_url import CONTROL, BadRequest, parse_url
from app.steps.secrets import SecretText, origin_ends, reveal, reveal_url, secret_names

Json = Any
Secrets = Mapping[str, str]

USER_AGENT = "Linea-Executions"
_CREDENTIAL = re.compile(
    r"auth|cookie|token|secret|passw|credential|session|signature|api-?key|access-?key", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Message:
    """A request ready to be sent.

    `private` names the headers with credentials or secrets, `secret_body` tells whether the body holds a
    secret; neither may reach another origin. `secret_host` is the host when it came out of a secret.
    """

    method: str
    url: URL
    headers: CIMultiDict[str]
    body: bytes | None
    private: frozenset[str]
    secret_body: bool
    secret_host: str | None

    @property
    def place(self) -> str:
        """Name the server for a person, without giving away a host that is in a secret."""
        if self.url.raw_host == self.secret_host:
            return "the server named in a secret"
        return self.url.host_port_subcomponent or ""


def compose(args: HttpArgs, key: str, secrets: Secrets) -> Message:
    """Put the request together; raise BadRequest or UnknownSecret."""
    url = parse_url(reveal_url(args.url, secrets)).extend_query(list(_pairs(args.query, secrets)))
    headers = CIMultiDict(
        {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate", "Idempotency-Key": key}
    )
    headers.update(_written_headers(args, secrets))
    body, media_type = _body(args, secrets)
    if body is not None:
        headers.setdefault("Content-Type", media_type)
    for name, value in headers.items():
        _check_header(name, value)
    return Message(
        method=args.method,
        url=url,
        headers=headers,
        body=body,
        private=_private(args),
        secret_body=bool(secret_names(args.payload)),
        secret_host=None if _host_is_written(args.url) else url.raw_host,
    )


def redirected(message: Message, status: int, location: str, secrets: Secrets) -> Message:
    """Give the request that follows a redirect, by the rules of browsers (WHATWG Fetch, HTTP-redirect fetch).

    On another origin everything that held credentials or a secret is left behind; where that cannot be done,
    raise BadRequest.
    """
    url = _joined(message, location)
    sent = _with_method_of(status, message)
    if _origin(url) == _origin(message.url):
        return replace(sent, url=url)
    if any(value in location or value in unquote_plus(location) for value in secrets.values()):
        raise BadRequest(
            f"{message.place} redirects to another origin with a secret in the URL: that is refused."
        )
    if sent.body is not None and sent.secret_body:
        raise BadRequest(
            f"{message.place} redirects to {url.host_port_subcomponent} with a secret in the body:"
            " that is refused. Write the final address into url."
        )
    headers = CIMultiDict(
        (name, value) for name, value in sent.headers.items() if name.lower() not in sent.private
    )
    return replace(sent, url=url, headers=headers)


def _pairs(values: Mapping[str, Json], secrets: Secrets) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        for member in value if isinstance(value, list) else [value]:
            if member is not None:
                yield name, reveal(member, secrets)


def _written_headers(args: HttpArgs, secrets: Secrets) -> Iterator[tuple[str, str]]:
    for name, value in args.headers.items():
        if value is not None:
            yield name, reveal(value, secrets).strip()
    if not args.auth:
        return
    auth = reveal(args.auth, secrets)
    if "bearer" in auth:
        yield "Authorization", f"Bearer {auth['bearer']}"
    else:
        pair = f"{auth['basic']['username']}:{auth['basic']['password']}"
        yield "Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"


def _check_header(name: str, value: str) -> None:
    value.encode()
    if CONTROL.search(value):
        raise BadRequest(f"The header {name} holds a line break or another control character.")


def _body(args: HttpArgs, secrets: Secrets) -> tuple[bytes | None, str]:
    """Give the body and the media type it has unless the headers say another."""
    kind, value = args.payload or ("body", None)
    value = reveal(value, secrets)
    if kind == "json":
        return strictjson.dumps(value), "application/json"
    if kind == "form":
        return urlencode(list(_pairs(value, {}))).encode(), "application/x-www-form-urlencoded"
    if isinstance(value, str):
        return value.encode(), "text/plain; charset=utf-8"
    if value is None:
        return None, ""
    return _binary(value), "application/octet-stream"


def _binary(value: Json) -> bytes:
    """Read `{"base64": …}`, the form in which binary answers are stored."""
    if not isinstance(value, dict) or value.keys() != {"base64"} or not isinstance(value["base64"], str):
        raise BadRequest('The body must be a text or {"base64": "…"}: use json for other values.')
    try:
        return base64.b64decode(value["base64"], validate=True)
    except binascii.Error:
        raise BadRequest("The body's base64 is not valid.") from None


def _private(args: HttpArgs) -> frozenset[str]:
    return frozenset(
        name.lower()
        for name, value in args.headers.items()
        if isinstance(value, SecretText) or _CREDENTIAL.search(name)
    ) | {"authorization", "cookie"}


def _host_is_written(url: str | SecretText) -> bool:
    if isinstance(url, str):
        return True
    return isinstance(url.parts[0], str) and origin_ends(url.parts[0])


def _joined(message: Message, location: str) -> URL:
    try:
        return parse_url(str(message.url.join(URL(location))))
    except (BadRequest, ValueError):
        raise BadRequest(
            f"{message.place} redirects to an address that is no valid http or https URL."
        ) from None


def _origin(url: URL) -> tuple[str, str | None, int | None]:
    return url.scheme, url.raw_host, url.port


def _with_method_of(status: int, message: Message) -> Message:
    becomes_get = (status == 303 and message.method not in ("GET", "HEAD")) or (
        status in (301, 302) and message.method == "POST"
    )
    if not becomes_get:
        return message
    headers = CIMultiDict(
        (name, value) for name, value in message.headers.items() if not name.lower().startswith("content-")
    )
    return replace(message, method="GET", headers=headers, body=None)

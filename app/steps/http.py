"""The step type `http`: one request and its redirects, and what its end means for the step."""

import os
import ssl
import time
from http import HTTPStatus

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientResponseError,
    ConnectionTimeoutError,
)

from app.steps import http_reply
from app.steps.base import Call, Done, Failed, Outcome, Retry, step
from app.steps.client import CONNECT_SECONDS, AddressRefused
from app.steps.http_message import Message, compose, redirected
from app.steps.http_schema import MAX_REDIRECTS, HttpArgs, HttpStep
from app.steps.http_url import BadRequest
from app.steps.secrets import UnknownSecret

REDIRECTS = frozenset({301, 302, 303, 307, 308})
TRANSIENT = frozenset({408, 425, 429})
# An error shows the body of a failed reply only whole: a secret that were cut in two could not be masked.
MAX_QUOTED_BYTES = 500


@step("http", schema=HttpStep, effect=True, timeout=30)
async def http(call: Call) -> Outcome:
    """Send one request, follow its redirects, say whether a second try could help."""
    started = time.monotonic()
    try:
        outcome = await _exchange(call, compose(call.args, call.key, call.secrets))
    except (BadRequest, UnknownSecret) as problem:
        return Failed(str(problem))
    except UnicodeError:
        return Failed("The request holds half a character (a lone surrogate), which cannot be sent.")
    if isinstance(outcome, Done):
        outcome.output["durationMs"] = round((time.monotonic() - started) * 1000)
    return outcome


async def _exchange(call: Call, message: Message) -> Outcome:
    for _ in range(MAX_REDIRECTS + 1):
        end = await _send(call, message)
        if not isinstance(end, Message):
            return end
        message = end
    return Failed(f"More than {MAX_REDIRECTS} redirects; the last was to {message.place}.")


async def _send(call: Call, message: Message) -> Outcome | Message:
    """Send one request; give its outcome, or the next request when the reply redirects."""
    try:
        async with call.client.send(message.method, message.url, message.headers, message.body) as reply:
            location = reply.headers.get("Location")
            if call.args.follow_redirects and reply.status in REDIRECTS and location:
                return redirected(message, reply.status, http_reply.readable(location), call.secrets)
            return await _judged(call.args, message.place, reply)
    except AddressRefused as problem:
        return Failed(
            f"{message.place} is at {problem}, a private, local or reserved address that no step may reach;"
            " the operator can allow it in HTTP_ALLOW_HOSTS."
        )
    except (ClientError, OSError) as problem:
        return _network_problem(problem, message.place)


async def _judged(args: HttpArgs, place: str, reply: ClientResponse) -> Outcome:
    if args.fail_on_status and reply.status >= 400:
        return await _bad_status(place, reply)
    try:
        raw = await http_reply.read(reply, args.max_response_bytes)
    except http_reply.TooLarge:
        return Failed(
            f"The answer of {place} is larger than maxResponseBytes, {args.max_response_bytes:,} bytes."
        )
    body = await http_reply.content(reply, raw)
    return Done({"status": reply.status, "headers": http_reply.headers(reply), **body})


async def _bad_status(place: str, reply: ClientResponse) -> Outcome:
    error = f"{place} answered {_status(reply.status)}{await _quoted(reply)}"
    if reply.status in TRANSIENT or reply.status >= 500:
        return Retry(error, after=http_reply.retry_after(reply.headers))
    return Failed(error)


def _status(code: int) -> str:
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


async def _quoted(reply: ClientResponse) -> str:
    """Give what the server says about its error, when that is a short text."""
    try:
        raw = await http_reply.read(reply, MAX_QUOTED_BYTES)
        text = " ".join(raw.decode().replace("\x00", " ").split())
    except (http_reply.TooLarge, UnicodeDecodeError, ClientError, OSError):
        return "."
    return f": {text}" if text else "."


def _network_problem(problem: ClientError | OSError, place: str) -> Outcome:
    """Explain an error of the network in our own words: those of libraries repeat the URL."""
    if isinstance(problem, ClientConnectorCertificateError):
        return Failed(f"The TLS certificate of {place} is not valid for it, so nothing was sent.")
    if isinstance(problem, ConnectionTimeoutError):
        return Retry(f"{place} did not take the connection within {CONNECT_SECONDS:g} seconds.")
    if isinstance(problem, ClientConnectorDNSError):
        return Retry(f"The name of {place} could not be resolved: check the host in the url.")
    if isinstance(problem, ClientConnectorError):
        return Retry(f"No connection to {place} could be made: {_reason(problem.os_error)}.")
    if isinstance(problem, ClientResponseError):
        return Retry(f"{place} gave no valid HTTP answer.")
    return Retry(f"The connection to {place} broke before the answer was complete.")


def _reason(problem: OSError) -> str:
    if isinstance(problem, ssl.SSLError):
        return "the TLS handshake failed"
    return os.strerror(problem.errno).lower() if problem.errno else "it was refused"

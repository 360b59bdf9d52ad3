"""Who signed a call: one pure function a scheme, over the raw bytes and in constant time."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

TOLERANCE_SECONDS = 300
MOST_SIGNATURES = 20
_MOST_TIMESTAMP_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Call:
    """An inbound call as it came: header names in lower case, the body untouched.

    `query_is_text` is false where the query holds NUL or what is no UTF-8, of which `query` has nothing.
    """

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, Any]
    body: bytes
    at: datetime
    query_is_text: bool = True


Check = Callable[[Call, str, Mapping[str, str]], bool]


def nothing(call: Call, secret: str, options: Mapping[str, str]) -> bool:
    """Take every call: the URL is the secret."""
    return True


def standard(call: Call, secret: str, options: Mapping[str, str]) -> bool:
    """Check a call as Standard Webhooks 1.0 says; the library holds the 5 minutes."""
    wanted = {name: value for name, value in call.headers.items() if name.startswith("webhook-")}
    given = wanted.get("webhook-signature", "").split(" ")[:MOST_SIGNATURES]
    return any(_is_standard(call.body, secret, wanted | {"webhook-signature": one}) for one in given)


def _is_standard(body: bytes, secret: str, headers: dict[str, str]) -> bool:
    """Check one signature alone: the library gives up at the first that it cannot read."""
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def github(call: Call, secret: str, options: Mapping[str, str]) -> bool:
    """Check `X-Hub-Signature-256: sha256=<hex>` (GitHub, Meta and others)."""
    return _same(call.headers.get("x-hub-signature-256", ""), "sha256=" + _hex(secret, call.body))


def stripe(call: Call, secret: str, options: Mapping[str, str]) -> bool:
    """Check `Stripe-Signature: t=…,v1=…[,v1=…]` over `t.body`."""
    parts = [part.strip().partition("=") for part in call.headers.get("stripe-signature", "").split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    given = [value for name, _, value in parts if name == "v1"][:MOST_SIGNATURES]
    if len(stamps) != 1 or not _is_recent(stamps[0], call.at):
        return False
    expected = _hex(secret, stamps[0].encode() + b"." + call.body)
    return any(_same(signature, expected) for signature in given)


def slack(call: Call, secret: str, options: Mapping[str, str]) -> bool:
    """Check `X-Slack-Signature: v0=<hex>` over `v0:timestamp:body`."""
    stamp = call.headers.get("x-slack-request-timestamp", "")
    if not _is_recent(stamp, call.at):
        return False
    expected = _hex(secret, b"v0:" + stamp.encode() + b":" + call.body)
    return _same(call.headers.get("x-slack-signature", ""), "v0=" + expected)


def bearer(call: Call, secret: str, options: Mapping[str, str]) -> bool:
    """Check `Authorization: Bearer <secret>` (RFC 6750)."""
    return _same_bytes(_credentials(call, "bearer"), secret.encode())


def basic(call: Call, secret: str, options: Mapping[str, str]) -> bool:
    """Check `Authorization: Basic base64(username:secret)` (RFC 7617)."""
    given = _base64(_credentials(call, "basic"))
    return _same_bytes(given, f"{options['username']}:{secret}".encode())


def any_hmac(call: Call, secret: str, options: Mapping[str, str]) -> bool:
    """Check a HMAC over the body as the webhook's `header, algorithm, encoding, prefix` say."""
    given = call.headers.get(options["header"].lower(), "").strip()
    if not given.startswith(options["prefix"]):
        return False
    signature = given.removeprefix(options["prefix"]).encode("latin-1", "replace")
    decoded = _base64(signature) if options["encoding"] == "base64" else _unhex(signature)
    return _same_bytes(decoded, hmac.digest(secret.encode(), call.body, options["algorithm"]))


SCHEMES: dict[str, Check] = {
    "none": nothing,
    "standard": standard,
    "github": github,
    "stripe": stripe,
    "slack": slack,
    "bearer": bearer,
    "basic": basic,
    "hmac": any_hmac,
}
ALGORITHMS = ("sha256", "sha1", "sha512")
ENCODINGS = ("hex", "base64")


def _hex(secret: str, message: bytes) -> str:
    return hmac.digest(secret.encode(), message, hashlib.sha256).hex()


def _same(given: str, expected: str) -> bool:
    return _same_bytes(given.encode("utf-8", "replace"), expected.encode())


def _same_bytes(given: bytes | None, expected: bytes) -> bool:
    """Compare in constant time; hashed first, so that not even the length of a password shows."""
    digests = hashlib.sha256(given or b"").digest(), hashlib.sha256(expected).digest()
    return hmac.compare_digest(*digests) and given is not None


def _is_recent(stamp: str, at: datetime) -> bool:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _MOST_TIMESTAMP_DIGITS):
        return False
    return abs(at.timestamp() - int(stamp)) <= TOLERANCE_SECONDS


def _credentials(call: Call, scheme: str) -> bytes:
    """Give what stands behind the scheme; header bytes come as Latin-1 (RFC 9110, 5.5)."""
    word, _, rest = call.headers.get("authorization", "").partition(" ")
    return rest.strip().encode("latin-1", "replace") if word.lower() == scheme else b""


def _base64(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return None


def _unhex(text: bytes) -> bytes | None:
    try:
        return binascii.unhexlify(text)
    except binascii.Error:
        return None

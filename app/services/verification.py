"""Whether a call comes from who it should: its signature under any live secret, and providers' challenges."""

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app import strictjson
from app.errors import Fault, LineaError, ValidationFailed
from app.services.signatures import SCHEMES, Call

Json = Any
MOST_ID = 255
MOST_CHALLENGE = 2000
STANDARD_PREFIX = "whsec_"
STANDARD_BYTES = range(24, 65)
SIGNATURE_HEADERS = (
    *("authorization", "webhook-signature", "x-hub-signature-256", "x-slack-signature", "stripe-signature"),
)
ID_HEADERS = ("webhook-id", "x-github-delivery", "idempotency-key")
ID_MEMBERS = {"stripe": "id", "slack": "event_id"}
BEARER_RULE = "Must be printable ASCII without spaces: a header carries it."
STANDARD_RULE = "A Standard Webhooks secret is whsec_ and 24 to 64 bytes in base64: leave it out to get one."
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_VISIBLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Challenge:
    """The answer to a provider that asks whether the URL is ours."""

    body: bytes
    media_type: str


def may_be_signed(head: Call, verification: Mapping[str, str], *, is_open: bool) -> bool:
    """Tell whether it takes the body to say that a call is genuine.

    One that carries any scheme's signature is read whatever the webhook is, and if there is none at all:
    whether a body is waited for tells nobody what an address stands for.
    """
    if is_open and verification["scheme"] == "none":
        return True
    names = (*SIGNATURE_HEADERS, verification.get("header", "").lower())
    return any(head.headers.get(name) for name in names)


def is_genuine(call: Call, verification: Mapping[str, str], live_secrets: Sequence[str]) -> bool:
    """Tell whether a call is signed with one of the live secrets."""
    check = SCHEMES[verification["scheme"]]
    return any(check(call, secret, verification) for secret in live_secrets)


def meta_challenge(
    call: Call, verification: Mapping[str, str], live_secrets: Sequence[str]
) -> Challenge | None:
    """Answer Meta's `hub.challenge` GET whose `hub.verify_token` is a secret, or with scheme `none`."""
    challenge, token = call.query.get("hub.challenge"), call.query.get("hub.verify_token")
    if call.method != "GET" or call.query.get("hub.mode") not in (None, "subscribe"):
        return None
    if not isinstance(challenge, str) or not 1 <= len(challenge) <= MOST_CHALLENGE:
        return None
    given = token.encode() if isinstance(token, str) else b""
    known = [secrets.compare_digest(given, secret.encode()) for secret in live_secrets if secret]
    if verification["scheme"] != "none" and not any(known):
        return None
    return Challenge(challenge.encode(), "text/plain; charset=utf-8")


def slack_challenge(call: Call, verification: Mapping[str, str]) -> Challenge | None:
    """Answer Slack's `url_verification`, whose signature was checked before."""
    if verification["scheme"] != "slack" or call.method != "POST":
        return None
    body = _object(call.body)
    if body.get("type") != "url_verification" or not isinstance(body.get("challenge"), str):
        return None
    return Challenge(strictjson.dumps({"challenge": body["challenge"]}), "application/json")


def delivery_id(call: Call, verification: Mapping[str, str]) -> str | None:
    """Give the provider's id of a delivery; one in a signed body goes before what any header says."""
    found = None
    if member := ID_MEMBERS.get(verification["scheme"]):
        found = _object(call.body).get(member)
    if not isinstance(found, str) or not found:
        found = next((call.headers[name] for name in ID_HEADERS if call.headers.get(name)), None)
    if found is None or len(found) <= MOST_ID:
        return found
    return "sha256:" + hashlib.sha256(found.encode()).hexdigest()


def new_secret(scheme: str) -> str | None:
    """Make a secret that the scheme can use; none for `none`."""
    if scheme == "none":
        return None
    if scheme == "standard":
        return STANDARD_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(32)


def require_usable(scheme: str, secret: str | None, path: str) -> None:
    """Raise ValidationFailed for a secret that the scheme cannot use."""
    if secret is None:
        return
    message = None
    if scheme == "none":
        message = "The scheme none has no secret: take another scheme, or leave the secret out."
    elif scheme == "standard" and not _is_standard(secret):
        message = STANDARD_RULE
    elif _CONTROL.search(secret):
        message = "Must not hold control characters, such as a line break at its end."
    elif scheme == "bearer" and not _VISIBLE.fullmatch(secret):
        message = BEARER_RULE
    if message:
        raise ValidationFailed(f"{path}: {message}", faults=[Fault(path, message)])


def _is_standard(secret: str) -> bool:
    text = secret.removeprefix(STANDARD_PREFIX)
    try:
        return len(base64.b64decode(text + "=" * (-len(text) % 4), validate=True)) in STANDARD_BYTES
    except (binascii.Error, ValueError):
        return False


def _object(body: bytes) -> dict[str, Json]:
    try:
        found = strictjson.loads(body)
    except LineaError:
        return {}
    return found if isinstance(found, dict) else {}

"""Webhooks and their deliveries as they are sent and shown."""

import re
from typing import Any

from marshmallow import ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length, OneOf, Range, Regexp

from app.schemas.base import In, Out
from app.schemas.executions import Id
from app.schemas.fields import Boolean, Instant, Integer, Name, Text
from app.schemas.paging import page_of
from app.services.signatures import ALGORITHMS, ENCODINGS, SCHEMES

RESPONSES = ("accepted", "result")
DAY = 86_400
MOST_KEPT = 30 * DAY
MOST_SECRET = 8192
# What a scheme has beside its secret, and what each is when left out; None: it must be given.
OPTIONS: dict[str, dict[str, str | None]] = {
    "basic": {"username": None},
    "hmac": {"header": None, "algorithm": "sha256", "encoding": "hex", "prefix": ""},
}
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_CHOICE = "Must be one of {choices}."
_LENGTH = "Must have {min} to {max} characters."


class _NoColon(Regexp):
    """A username of RFC 7617, 2."""

    def __init__(self) -> None:
        super().__init__(r"[^:\x00-\x1f\x7f]{1,200}\Z", error="Must have 1 to 200 characters, no colon.")


def _secret() -> Text:
    note = "Left out, one is made. No control characters; for `bearer` printable ASCII without spaces."
    return Text(validate=Length(1, MOST_SECRET, error=_LENGTH), metadata={"description": note})


class VerificationIn(In):
    """How calls prove who sends them."""

    scheme = Text(required=True, validate=OneOf(list(SCHEMES), error=_CHOICE))
    secret = _secret()
    username = Text(validate=_NoColon())
    header = Text(validate=Regexp(_HEADER.pattern + r"\Z", error="Must be the name of a header."))
    algorithm = Text(validate=OneOf(ALGORITHMS, error=_CHOICE))
    encoding = Text(validate=OneOf(ENCODINGS, error=_CHOICE))
    prefix = Text(validate=Regexp(r"[\x20-\x7e]{0,100}\Z", error="Must have up to 100 printable ASCII ones."))

    @validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse what the scheme does not have, and miss what it needs."""
        options = OPTIONS.get(data["scheme"], {})
        faults = {
            name: [f"Is not for the scheme {data['scheme']}: take it out."]
            for name in data
            if name not in ("scheme", "secret", *options)
        }
        missing = [name for name, default in options.items() if default is None and name not in data]
        faults |= {name: [f"Is missing: the scheme {data['scheme']} needs it."] for name in missing}
        if faults:
            raise ValidationError(faults)

    @post_load
    def fill(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Add what was left out."""
        return {**OPTIONS.get(data["scheme"], {}), **data}


class VerificationOut(Out):
    """How calls prove who sends them; never with the secret."""

    scheme = fields.String(required=True)
    username = fields.String()
    header = fields.String()
    algorithm = fields.String()
    encoding = fields.String()
    prefix = fields.String()


class WebhookIn(In):
    """A new webhook."""

    name = Name(required=True)
    workflow_id = Id(required=True)
    enabled = Boolean(load_default=True)
    verification = fields.Nested(VerificationIn, load_default={"scheme": "none"})
    respond = Text(load_default="accepted", validate=OneOf(RESPONSES, error=_CHOICE))


class WebhookChanges(In):
    """What of a webhook may change; another scheme of verification makes another secret."""

    name = Name()
    workflow_id = Id()
    enabled = Boolean()
    verification = fields.Nested(VerificationIn)
    respond = Text(validate=OneOf(RESPONSES, error=_CHOICE))


class WebhookOut(Out):
    """A webhook; `url` is where to send to, `secret` is there only when it was just set or made."""

    id = fields.UUID(required=True)
    workspace_id = fields.UUID(required=True)
    space_id = fields.UUID(required=True)
    workflow_id = fields.UUID(required=True)
    name = fields.String(required=True)
    url = fields.String(required=True)
    enabled = fields.Boolean(required=True)
    verification = fields.Nested(VerificationOut, required=True)
    respond = fields.String(required=True, validate=OneOf(RESPONSES))
    created_at = Instant(required=True)
    secret = fields.String(allow_none=True)


class RotateIn(In):
    """A new secret, and how long the old one stays good."""

    body_optional = True
    secret = _secret()
    keep_old_seconds = Integer(
        load_default=DAY, validate=Range(0, MOST_KEPT, error="Must be from {min} to {max}.")
    )


class RedeliverIn(In):
    """Nothing: what is delivered again is what came."""

    body_optional = True


class NewSecretOut(Out):
    """A secret, shown this one time."""

    secret = fields.String(required=True)


class DeliveryOut(Out):
    """One call that reached a webhook; `count` says for how many refused ones a row stands."""

    id = fields.UUID(required=True)
    received_at = Instant(required=True)
    outcome = fields.String(required=True, validate=OneOf(["accepted", "duplicate", "rejected"]))
    reason = fields.String(required=True, allow_none=True)
    delivery_id = fields.String(required=True, allow_none=True)
    execution_id = fields.UUID(required=True, allow_none=True)
    method = fields.String(required=True)
    query = fields.Dict(required=True)
    headers = fields.Dict(required=True)
    body = fields.String(required=True, allow_none=True)
    count = fields.Integer(required=True)


class StartedOut(Out):
    """The execution that was started."""

    execution_id = fields.UUID(required=True)


WebhookPage = page_of(WebhookOut)
DeliveryPage = page_of(DeliveryOut)

"""The `with` of an `http` step, and the rules for header names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from marshmallow import ValidationError, post_load, validates_schema
from marshmallow import fields as marshmallow_fields
from marshmallow.validate import OneOf, Range

from app.steps.fields import (
    Anything,
    Boolean,
    Integer,
    Object,
    Part,
    Scalar,
    StepArgs,
    Template,
    Text,
    origin_is_fixed,
)
from app.steps.http_url import CONTROL, BadRequest, parse_url
from app.steps.secrets import SecretRef, SecretText, secret_names

Json = Any
Value = str | SecretText | None

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MAX_RESPONSE_BYTES = 5 * 1024 * 1024
MAX_REDIRECTS = 5
# RFC 9110 sections 5.1 and 7.6.1: the connection's own headers, and what the client works out itself.
RESERVED_HEADERS = frozenset(
    [
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)


def header_name(name: str) -> None:
    """Raise ValidationError for a name that is no header's, or one that a step must not set."""
    if _TOKEN.fullmatch(name) is None:
        raise ValidationError("A header name has only letters, digits and hyphens.")
    if name.lower() in RESERVED_HEADERS:
        raise ValidationError(f"{name} is set by the service itself and cannot be set here.")


class Method(Text):
    """A request method in any case; no secret, of which the log of any server would tell."""

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """Load it; refuse secrets."""
        parts = value.parts if isinstance(value, Template | SecretText) else ()
        if any(isinstance(part, SecretRef) for part in parts):
            raise ValidationError("A method cannot be a secret: write it out.")
        return super().deserialize(value, attr, data, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return super()._deserialize(value, attr, data, **kwargs).upper()


class HeaderText(Text):
    """A text that goes into a header: what is written out in it is checked when the definition is saved."""

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """Load it; refuse line breaks and other control characters."""
        loaded = super().deserialize(value, attr, data, **kwargs)
        parts = getattr(loaded, "parts", (loaded.strip() if isinstance(loaded, str) else "",))
        if any(CONTROL.search(part) for part in parts if isinstance(part, str)):
            raise ValidationError("Must not hold a line break or another control character.")
        return loaded


class HeaderValue(HeaderText, Scalar):
    """The value of a header."""


class Values(Scalar):
    """One value of a query or form, or a list of them for a name that repeats."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, list):
            return super()._deserialize(value, attr, data, **kwargs)
        return [Scalar(allow_none=True).deserialize(member) for member in value]


class Basic(StepArgs):
    """A user name and a password."""

    username = Text(required=True)
    password = Text(load_default="")


class Auth(StepArgs):
    """One way to say who asks."""

    bearer = HeaderText()
    basic = Part(Basic)

    @validates_schema
    def _one(self, data: Mapping[str, Json], **_: Any) -> None:
        if len(data) != 1:
            raise ValidationError("Give either bearer or basic.")


@dataclass(frozen=True, slots=True)
class HttpArgs:
    """A loaded `with`; texts may still hold secrets, `payload` is the field of the body and its value."""

    url: str | SecretText
    method: str = "GET"
    headers: dict[str, Value] = field(default_factory=dict)
    query: dict[str, Value | list[Value]] = field(default_factory=dict)
    payload: tuple[str, Json] | None = None
    auth: dict[str, Json] | None = None
    follow_redirects: bool = True
    fail_on_status: bool = True
    max_response_bytes: int = MAX_RESPONSE_BYTES


def _is_url(text: str | SecretText) -> None:
    """Raise ValidationError for a URL without secrets that no request can go to."""
    try:
        if isinstance(text, str):
            parse_url(text)
    except BadRequest as problem:
        raise ValidationError(str(problem)) from problem


class HttpStep(StepArgs):
    """What an `http` step takes."""

    PAYLOADS: ClassVar[tuple[str, ...]] = ("json", "form", "body")

    url = Text(
        required=True,
        validate=_is_url,
        error_messages={"required": "Is missing: give an address such as https://api.example.com/orders."},
    )
    method = Method(validate=OneOf(METHODS, error="Must be one of {choices}."))
    headers = Object(
        keys=marshmallow_fields.String(validate=header_name),
        values=HeaderValue(allow_none=True),
        load_default=dict,
    )
    query = Object(keys=marshmallow_fields.String(), values=Values(allow_none=True), load_default=dict)
    json = Anything(allow_none=True)
    form = Object(keys=marshmallow_fields.String(), values=Values(allow_none=True))
    body = Anything(allow_none=True)
    auth = Part(Auth, allow_none=True)
    follow_redirects = Boolean(data_key="followRedirects")
    fail_on_status = Boolean(data_key="failOnStatus")
    max_response_bytes = Integer(
        data_key="maxResponseBytes", validate=Range(1, MAX_RESPONSE_BYTES, error="Must be from 1 to {max}.")
    )

    @validates_schema(skip_on_field_errors=False)
    def _one_payload(self, data: Mapping[str, Json], **_: Any) -> None:
        if sum(name in data for name in self.PAYLOADS) > 1:
            raise ValidationError("Give only one of json, form and body.")

    @validates_schema(skip_on_field_errors=False)
    def _one_authorization(self, data: Mapping[str, Json], **_: Any) -> None:
        if data.get("auth") and _names_authorization(data.get("headers")):
            raise ValidationError("Give auth or an Authorization header, not both.", "auth")

    @validates_schema
    def _fixed_origin(self, data: Mapping[str, Json], **_: Any) -> None:
        if secret_names(data) and not origin_is_fixed(data.get("url")):
            raise ValidationError(
                "A step with secrets needs scheme and host of its url written out or in a secret.", "url"
            )

    @post_load
    def _args(self, data: dict[str, Json], **_: Any) -> HttpArgs:
        payload = next(((name, data.pop(name)) for name in self.PAYLOADS if name in data), None)
        return HttpArgs(payload=payload, **data)


def _names_authorization(headers: Json) -> bool:
    return isinstance(headers, Mapping) and any(name.lower() == "authorization" for name in headers)

"""What a call carries: its payload as JSON, and what of it may be kept and shown."""

import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.exceptions import HTTPException
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from app import strictjson
from app.errors import Fault, UnsupportedMediaType, ValidationFailed
from app.services.signatures import Call

Json = Any
MOST_FIELDS = 1000
MOST_HEADERS = 100
JSON_TYPES = ("application/json", "text/json")
FORM_CHARSETS = ("utf-8", "utf8", "us-ascii", "iso-8859-1", "windows-1252")
CHARSETS = (*FORM_CHARSETS, "utf-16")
QUERY_RULE = "Must be UTF-8 without a NUL character."
REPLACED = "\N{REPLACEMENT CHARACTER}"
_CREDENTIAL_HEADER = re.compile(
    r"authorization|cookie|token|secret|signature|hmac|api-?key|passw|credential|jwt"
)
_CREDENTIAL_PARAMETER = re.compile(
    r"(?:hub\.verify_|access_|auth_|api_)?token|secret|client_secret|sig|signature|api_?key|password",
    re.IGNORECASE,
)


def payload(call: Call) -> Json:
    """Read what was posted: JSON as it came, a form as an object, other text as `{"body"}`, a GET as `{}`.

    Raises MalformedJson, ValidationFailed, UnsupportedMediaType.
    """
    if not call.query_is_text:
        raise ValidationFailed(f"query: {QUERY_RULE}", faults=[Fault("query", QUERY_RULE)])
    if call.method == "GET" or not call.body:
        return {}
    given, options = parse_options_header(call.headers.get("content-type"))
    media, charset = given.lower(), options.get("charset", "utf-8").lower()
    _require_plain(call)
    if media in JSON_TYPES or media.endswith("+json"):
        return strictjson.loads(call.body)
    if media == "application/x-www-form-urlencoded":
        return _form(_pairs(call.body, charset if charset in FORM_CHARSETS else "utf-8"))
    if media == "multipart/form-data":
        return _multipart(call, options)
    text = _text(call.body, charset if charset in CHARSETS else "utf-8")
    return _guessed(call.body, text) if not media else {"body": text}


def trigger(method: str, headers: Mapping[str, str], query: Mapping[str, Json]) -> Json:
    """Give what expressions see as `trigger`, from headers and query without credentials."""
    return {"method": method, "headers": dict(headers), "query": dict(query)}


def shown_headers(headers: Mapping[str, str], most: int, signature_header: str | None = None) -> Json:
    """Give the headers that may be kept: no credentials, no signatures, at most `most` characters in all."""
    hidden = (signature_header or "").lower()
    shown = {
        name: value.replace("\0", "")
        for name, value in sorted(headers.items(), key=lambda item: item[0] != "content-type")[:MOST_HEADERS]
        if name != hidden and not _CREDENTIAL_HEADER.search(name)
    }
    return within(shown, most)


def shown_query(query: Mapping[str, Json], most: int) -> Json:
    """Give the query that may be kept, without what is named like a credential."""
    return within({n: value for n, value in query.items() if not _CREDENTIAL_PARAMETER.fullmatch(n)}, most)


def within(shown: Mapping[str, Json], most: int) -> Json:
    """Give as many members as `most` characters hold, in order; a longer one is left out."""
    kept: dict[str, Json] = {}
    for name, value in shown.items():
        most -= len(name) + len(str(value))
        if most < 0:
            break
        kept[name] = value
    return kept


def grouped(pairs: list[tuple[str, str]]) -> dict[str, Json]:
    """Make an object of names and values; a name that comes several times has a list."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _require_plain(call: Call) -> None:
    if call.body and call.headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType("The body is compressed: send it as it is, without Content-Encoding.")


def _pairs(body: bytes, charset: str) -> list[tuple[str, str]]:
    """Read a form as browsers write it; bytes that were not written as %XX, as by `curl -d`, count too."""
    options: dict[str, Any] = {"keep_blank_values": True, "max_num_fields": MOST_FIELDS}
    try:
        return parse_qsl(body.decode(charset), encoding=charset, errors="strict", **options)
    except ValueError as error:
        raise _refused(f"Is no form of at most {MOST_FIELDS} fields in {charset}.") from error


def _multipart(call: Call, options: dict[str, str]) -> Json:
    parser = FormDataParser(lambda *_, **__: BytesIO(), max_form_parts=MOST_FIELDS, silent=False)
    try:
        _, form, files = parser.parse(BytesIO(call.body), "multipart/form-data", len(call.body), options)
    except (ValueError, HTTPException) as error:
        raise _refused("Is no multipart form that can be read.") from error
    if files:
        raise UnsupportedMediaType("Files cannot be taken: send the fields of the form without them.")
    pairs = list(form.items(multi=True))
    if sum(value.count(REPLACED) for _, value in pairs) > call.body.count(REPLACED.encode()):
        raise _refused("Holds text that is not in UTF-8 and does not say in what.")
    return _form(pairs)


def _form(pairs: list[tuple[str, str]]) -> Json:
    if any("\0" in part for pair in pairs for part in pair):
        raise _refused("Must not hold a NUL character.")
    return grouped(pairs)


def _text(body: bytes, charset: str) -> str:
    try:
        text = body.decode(charset)
    except ValueError as error:
        raise UnsupportedMediaType(
            "The body is neither JSON nor a form nor text: send one of them, with its Content-Type."
        ) from error
    if "\0" in text:
        raise _refused("Must not hold a NUL character.")
    return text


def _guessed(body: bytes, text: str) -> Json:
    """Take a body that does not say what it is for JSON when it begins as an object or a list."""
    return strictjson.loads(body) if text.lstrip()[:1] in ("{", "[") else {"body": text}


def _refused(message: str) -> ValidationFailed:
    return ValidationFailed(f"The body: {message}", faults=[Fault("", message)])

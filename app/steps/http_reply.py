"""What an `http` step makes of a reply: its body within a limit, as a value that can be stored."""

import asyncio
import base64
import codecs
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from aiohttp import ClientResponse

from app import clock, strictjson
from app.errors import LineaError

Json = Any

CHUNK_BYTES = 64 * 1024
# Longer bodies are read in a thread, so that the other executions of the process go on meanwhile.
THREAD_BYTES = 256 * 1024

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
_JSON = re.compile(r"(application|text)/json|[^/]+/[^/]+\+json")
_TEXT = re.compile(
    r"text/.+|[^/]+/[^/]+\+(xml|yaml)"
    r"|application/(xml|javascript|ecmascript|x-javascript|yaml|x-yaml|toml|sql|graphql|csv|rtf|x-sh"
    r"|x-www-form-urlencoded|x-ndjson|ndjson|jsonl|jsonlines|json-seq|pem-certificate-chain)"
)
# Codecs that are no character sets of the web; idna and punycode take quadratic time.
_NO_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7"})


class TooLarge(Exception):
    """The body is longer than its limit."""


async def read(reply: ClientResponse, limit: int) -> bytes:
    """Read the body while it is at most `limit` bytes long, decompressed; else hang up and raise TooLarge."""
    body = bytearray()
    async for chunk in reply.content.iter_chunked(CHUNK_BYTES):
        body += chunk
        if len(body) > limit:
            reply.close()
            raise TooLarge
    return bytes(body)


async def content(reply: ClientResponse, raw: bytes) -> dict[str, Json]:
    """Give `{body}`, and `bodyError` beside it when what says to be JSON is refused by the strict reader."""
    media_type = reply.content_type if "Content-Type" in reply.headers else ""
    if len(raw) <= THREAD_BYTES:
        return _content(raw, media_type, reply.charset)
    return await asyncio.to_thread(_content, raw, media_type, reply.charset)


def headers(reply: ClientResponse) -> dict[str, str]:
    """Give the headers by lower-case name; those that repeat are joined by a comma."""
    joined: dict[str, str] = {}
    for name, value in reply.headers.items():
        text = readable(value)
        joined[name.lower()] = f"{joined[name.lower()]}, {text}" if name.lower() in joined else text
    return joined


def retry_after(given: Mapping[str, str]) -> float | None:
    """Give the seconds of a Retry-After header, a number or an HTTP date (RFC 9110 section 10.2.3)."""
    text = given.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        at = parsedate_to_datetime(text)
        return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - clock.now()).total_seconds())
    except (ValueError, OverflowError):
        return None


def readable(value: str) -> str:
    """Turn a header's value, whose bytes beyond ASCII are escaped, into a text that can be stored."""
    return _storable(value.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def _content(raw: bytes, media_type: str, charset: str | None) -> dict[str, Json]:
    if not raw:
        return {"body": None}
    if _JSON.fullmatch(media_type):
        return _json(raw, charset)
    if _TEXT.fullmatch(media_type) or (not media_type and _looks_like_text(raw)):
        return {"body": _text(raw, charset)}
    return {"body": {"base64": base64.b64encode(raw).decode()}}


def _json(raw: bytes, charset: str | None) -> dict[str, Json]:
    try:
        return {"body": strictjson.loads(raw)}
    except LineaError as refused:
        places = "; ".join(fault.sentence for fault in refused.faults)
        return {"body": _text(raw, charset), "bodyError": f"{refused.detail} {places}".strip()}


def _text(raw: bytes, charset: str | None) -> str:
    try:
        codec = codecs.lookup(charset or "utf-8").name.replace("_", "-")
        text = raw.decode("utf-8-sig" if codec in _NO_CHARSETS | {"utf-8"} else codec, "replace")
    except (LookupError, ValueError):
        text = raw.decode("utf-8-sig", "replace")
    return _storable(text)


def _storable(text: str) -> str:
    return _UNSTORABLE.sub("\ufffd", text)


def _looks_like_text(raw: bytes) -> bool:
    try:
        return "\x00" not in raw.decode()
    except UnicodeDecodeError:
        return False

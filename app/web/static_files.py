"""Styles, scripts and icons, read once, under an address that changes with what is in them."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, request

from app.errors import NotFound

blp = Blueprint("static", __name__)
FOLDER = Path(__file__).parent / "static"
FOREVER = "public, max-age=31536000, immutable"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is sent, plain and compressed."""

    body: bytes
    zipped: bytes
    media_type: str


@blp.get("/static/<version>/<path:name>")
def serve(version: str, name: str) -> Response:
    """Send a file; an old version's address gets what there is now, and is not kept."""
    found = files().get(name)
    if found is None:
        raise NotFound("There is no such file.")
    zipped = request.accept_encodings.quality("gzip") > 0
    response = Response(found.zipped if zipped else found.body, mimetype=found.media_type)
    response.headers["Cache-Control"] = FOREVER if version == current_version() else "no-cache"
    response.headers["Vary"] = "Accept-Encoding"
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    return response


def address(name: str) -> str:
    """Give the address of a file; modules that import each other by relative paths stay in one version."""
    return f"/static/{current_version()}/{name}"


@cache
def files() -> dict[str, StaticFile]:
    """Read all files, by their path below the folder."""
    paths = sorted(path for path in FOLDER.rglob("*") if path.is_file())
    return {path.relative_to(FOLDER).as_posix(): _read(path) for path in paths}


@cache
def current_version() -> str:
    """Name the content of all files together."""
    digest = hashlib.sha256()
    for name, file in files().items():
        digest.update(f"{name}\0{len(file.body)}\0".encode() + file.body)
    return digest.hexdigest()[:12]


def _read(path: Path) -> StaticFile:
    body = path.read_bytes()
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return StaticFile(body, gzip.compress(body, mtime=0), kind)

"""Frozen settings, read once from the environment; a bad value stops the start with one line."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 -- what a platform's router reaches; `make run` names another
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOG_FORMATS = ("text", "json")
MOST_DIGITS = 18
DATABASE_URL_FORM = "DATABASE_URL must look like postgresql://user:password@host:5432/name"
REDIS_URL_FORM = "REDIS_URL must look like redis://host:6379/0 or rediss://host:6379/0"


class BadSetting(Exception):
    """A setting is missing or wrong; the message is one line that names it and says what it should be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration; see docs/operations.md for the meaning of each name."""

    database_url: str
    redis_url: str
    secret_key: str
    encryption_keys: tuple[tuple[str, bytes], ...]
    port: int = 8000
    web_host: str = ANY_ADDRESS
    web_concurrency: int = 1
    worker_concurrency: int = 100
    worker_processes: int = 1
    web_threads: int = 32
    stream_limit: int = 256
    sandbox_children: int = 4
    lease_seconds: int = 30
    max_takeovers: int = 3
    shutdown_grace_seconds: int = 20
    http_allow_hosts: tuple[str, ...] = ()
    task_modules: tuple[str, ...] = ()
    metrics_token: str | None = None
    log_level: str = "INFO"
    log_format: str = "text"


def from_environment(env: Mapping[str, str]) -> Settings:
    """Read every setting from `env`; raise BadSetting for the first that is missing or wrong."""
    _require_text(env)
    secret_key = _required(env, "SECRET_KEY")
    return Settings(
        database_url=_database_url(_required(env, "DATABASE_URL")),
        redis_url=_redis_url(_required(env, "REDIS_URL")),
        secret_key=secret_key,
        encryption_keys=_encryption_keys(env.get("ENCRYPTION_KEYS", ""), secret_key),
        port=_whole(env, "PORT", 8000, 0, 65535),
        web_host=_address(env, "GRANIAN_HOST", ANY_ADDRESS),
        web_concurrency=_whole(env, "WEB_CONCURRENCY", 1, 1, 256),
        worker_concurrency=_whole(env, "WORKER_CONCURRENCY", 100, 1, 10_000),
        worker_processes=_whole(env, "WORKER_PROCESSES", 1, 1, 256),
        web_threads=_whole(env, "WEB_THREADS", 32, 1, 1024),
        stream_limit=_whole(env, "STREAM_LIMIT", 256, 0, 10_000),
        sandbox_children=_whole(env, "SANDBOX_CHILDREN", 4, 1, 256),
        lease_seconds=_whole(env, "LEASE_SECONDS", 30, 2, 3600),
        max_takeovers=_whole(env, "MAX_TAKEOVERS", 3, 1, 100),
        shutdown_grace_seconds=_whole(env, "SHUTDOWN_GRACE_SECONDS", 20, 0, 3600),
        http_allow_hosts=_words(env.get("HTTP_ALLOW_HOSTS", "")),
        task_modules=_words(env.get("TASK_MODULES", "")),
        metrics_token=env.get("METRICS_TOKEN") or None,
        log_level=_one_of(env, "LOG_LEVEL", "INFO", LOG_LEVELS),
        log_format=_one_of(env, "LOG_FORMAT", "text", LOG_FORMATS),
    )


def _require_text(env: Mapping[str, str]) -> None:
    """Refuse bytes that are no text: Python hands them on as lone surrogates, which fail much later."""
    for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "METRICS_TOKEN"):
        try:
            env.get(name, "").encode()
        except UnicodeEncodeError:
            raise BadSetting(f"{name} is not text in UTF-8") from None


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise BadSetting(f"{name} is not set: the service cannot start without it")
    return value


def _whole(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = env.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > MOST_DIGITS or not least <= int(text) <= most:
        raise BadSetting(f"{name} is {text!r}: it must be a whole number from {least} to {most}")
    return int(text)


def _address(env: Mapping[str, str], name: str, default: str) -> str:
    text = env.get(name, "").strip() or default
    try:
        return str(ip_address(text))
    except ValueError:
        raise BadSetting(f"{name} is {text!r}: it must be an IP address, such as 127.0.0.1") from None


def _one_of(env: Mapping[str, str], name: str, default: str, choices: tuple[str, ...]) -> str:
    text = env.get(name, "").strip() or default
    for choice in choices:
        if text.lower() == choice.lower():
            return choice
    raise BadSetting(f"{name} is {text!r}: it must be one of {', '.join(choices)}")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _database_url(text: str) -> str:
    """Accept `postgres://` (Heroku) and `postgresql://`; name the driver for SQLAlchemy."""
    scheme, _, rest = text.partition("://")
    if scheme not in ("postgres", "postgresql", "postgresql+psycopg2") or not rest:
        raise BadSetting(DATABASE_URL_FORM)
    url = f"postgresql+psycopg2://{rest}"
    try:
        make_url(url)
    except (ArgumentError, ValueError):
        raise BadSetting(DATABASE_URL_FORM) from None
    return url


def _redis_url(text: str) -> str:
    try:
        url = urlsplit(text)
        known = url.scheme in ("redis", "rediss", "unix") and url.port != 0
    except ValueError:
        known = False
    if not known:
        raise BadSetting(REDIS_URL_FORM)
    return text


def _encryption_keys(text: str, secret_key: str) -> tuple[tuple[str, bytes], ...]:
    """Parse `id:base64` pairs, first encrypts; left out, one key is derived from SECRET_KEY."""
    if not text.strip():
        return (("derived", hashlib.sha256(b"linea encryption key\0" + secret_key.encode()).digest()),)
    return tuple(_encryption_key(word) for word in _words(text))


def _encryption_key(word: str) -> tuple[str, bytes]:
    name, _, encoded = word.partition(":")
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not name or len(key) != 32:
        raise BadSetting("ENCRYPTION_KEYS must be a comma list of id:base64, each key 32 bytes long")
    return name, key

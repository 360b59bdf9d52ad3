"""How an API key is written: `lin_<key id>_<secret>_<checksum>`, all in base 62."""

import hashlib
import re
import secrets
import zlib
from uuid import UUID

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_LENGTH, SECRET_LENGTH, CHECKSUM_LENGTH = 22, 43, 6
SECRET_BYTES = 32

_KEY = re.compile(
    rf"lin_([0-9A-Za-z]{{{ID_LENGTH}}})_[0-9A-Za-z]{{{SECRET_LENGTH}}}_([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)


def mint(key_id: UUID) -> str:
    """Write a new key with 32 random bytes; its checksum tells typos without the database."""
    secret = _base62(int.from_bytes(secrets.token_bytes(SECRET_BYTES)), SECRET_LENGTH)
    body = f"lin_{_base62(key_id.int, ID_LENGTH)}_{secret}"
    return f"{body}_{_checksum(body)}"


def key_id(text: str) -> UUID | None:
    """Read the id out of a key; None for what is no key, was cut or mistyped."""
    match = _KEY.fullmatch(text)
    if match is None or _checksum(text[: -CHECKSUM_LENGTH - 1]) != match[2]:
        return None
    number = _number(match[1])
    return UUID(int=number) if number < 2**128 else None


def hash_of(text: str) -> bytes:
    """Hash a key for storing: SHA-256 is enough for 32 random bytes."""
    return hashlib.sha256(text.encode()).digest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    return digits.rjust(length, DIGITS[0])


def _number(text: str) -> int:
    number = 0
    for digit in text:
        number = number * 62 + DIGITS.index(digit)
    return number

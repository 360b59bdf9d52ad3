"""Encryption at rest: AES-256-GCM, each text bound to the place where it is kept."""

import struct
from dataclasses import dataclass
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
_LENGTH = struct.Struct(">H")


class Undecryptable(Exception):
    """A blob cannot be read: it was changed, cut short, or moved from the place it was encrypted for."""


class UnknownKey(Undecryptable):
    """The key that a blob was encrypted with is not among ENCRYPTION_KEYS any more."""


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """Keys of 32 bytes by their ids: the first one encrypts, every one decrypts."""

    keys: tuple[tuple[str, bytes], ...]

    def encrypt(self, text: str, *place: object) -> bytes:
        """Encrypt a text for a place, such as its table, workspace and name; the blob names the key."""
        key_id, key = self.keys[0]
        nonce = token_bytes(NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, text.encode(), _bound(place))
        return _framed(key_id.encode()) + nonce + sealed

    def decrypt(self, blob: bytes, *place: object) -> str:
        """Decrypt what was encrypted for the same place; raise Undecryptable, UnknownKey."""
        key_id, nonce, sealed = _parts(blob)
        try:
            return AESGCM(self._key(key_id)).decrypt(nonce, sealed, _bound(place)).decode()
        except (InvalidTag, ValueError) as error:
            raise Undecryptable("The blob was changed, or belongs to another place.") from error

    def _key(self, key_id: bytes) -> bytes:
        for name, key in self.keys:
            if name.encode() == key_id:
                return key
        name = key_id.decode(errors="replace")
        raise UnknownKey(f"ENCRYPTION_KEYS has no key {name!r} any more: add it again as a later one.")


def _bound(place: tuple[object, ...]) -> bytes:
    """Give the associated data of a place; lengths keep ('ab', 'c') apart from ('a', 'bc')."""
    return b"".join(_framed(str(part).encode()) for part in place)


def _framed(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


def _parts(blob: bytes) -> tuple[bytes, bytes, bytes]:
    """Take a blob apart into key id, nonce and what AES-GCM made."""
    if len(blob) < _LENGTH.size:
        raise Undecryptable("The blob is too short.")
    start = _LENGTH.size + _LENGTH.unpack_from(blob)[0]
    key_id, nonce, sealed = blob[_LENGTH.size : start], blob[start : start + NONCE_BYTES], blob[start:]
    if len(sealed) < NONCE_BYTES:
        raise Undecryptable("The blob is too short.")
    return key_id, nonce, sealed[NONCE_BYTES:]

"""The keys of this installation."""

from flask import current_app

from app.crypto import Keyring


def keyring() -> Keyring:
    """Give the keys that ENCRYPTION_KEYS names."""
    return Keyring(current_app.config["SETTINGS"].encryption_keys)

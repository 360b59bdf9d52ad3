"""Encryption at rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.crypto import Keyring, Undecryptable, UnknownKey

OLD, NEW = ("old", bytes(32)), ("new", bytes(range(32)))
texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(text=texts, place=st.lists(texts, max_size=3))
def test_what_is_encrypted_is_read_back_at_its_place(text: str, place: list[str]) -> None:
    keyring = Keyring((NEW, OLD))

    blob = keyring.encrypt(text, *place)

    assert keyring.decrypt(blob, *place) == text
    assert blob != keyring.encrypt(text, *place)


def test_the_first_key_encrypts_and_every_key_decrypts() -> None:
    before = Keyring((OLD,)).encrypt("tell nobody", "here")
    rotated = Keyring((NEW, OLD))

    after = rotated.encrypt("tell nobody", "here")

    assert rotated.decrypt(before, "here") == "tell nobody"
    assert Keyring((NEW,)).decrypt(after, "here") == "tell nobody"
    with pytest.raises(UnknownKey, match="'old'"):
        Keyring((NEW,)).decrypt(before, "here")


@pytest.mark.parametrize("place", [(), ("a",), ("ab", "c"), ("a", "bc", ""), ("a", "b", "c")])
def test_a_blob_that_was_moved_cannot_be_read(place: tuple[str, ...]) -> None:
    blob = Keyring((NEW,)).encrypt("tell nobody", "a", "bc")

    with pytest.raises(Undecryptable):
        Keyring((NEW,)).decrypt(blob, *place)


def test_a_key_of_the_same_id_with_another_value_cannot_read() -> None:
    blob = Keyring((("k", bytes(32)),)).encrypt("tell nobody")

    with pytest.raises(Undecryptable):
        Keyring((("k", bytes(range(32))),)).decrypt(blob)


def test_a_blob_that_was_changed_or_cut_anywhere_cannot_be_read() -> None:
    keyring = Keyring((NEW, OLD))
    blob = keyring.encrypt("tell nobody")

    for at in range(len(blob)):
        changed = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
        for bad in (changed, blob[:at]):
            with pytest.raises(Undecryptable):
                keyring.decrypt(bad)


def test_a_keyring_does_not_print_its_keys() -> None:
    assert "keys" not in repr(Keyring((NEW,)))

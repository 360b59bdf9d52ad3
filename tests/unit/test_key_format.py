"""How API keys are written and read."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services import key_format


@given(st.uuids())
def test_a_key_tells_its_id(key_id: UUID) -> None:
    assert key_format.key_id(key_format.mint(key_id)) == key_id


def test_two_keys_of_one_id_differ() -> None:
    key_id = uuid4()

    assert key_format.mint(key_id) != key_format.mint(key_id)


@given(st.uuids(), st.data())
def test_one_wrong_character_is_noticed(key_id: UUID, data: st.DataObject) -> None:
    key = key_format.mint(key_id)
    place = data.draw(st.integers(4, len(key) - 1))
    other = data.draw(st.sampled_from([digit for digit in key_format.DIGITS if digit != key[place]]))

    assert key_format.key_id(key[:place] + other + key[place + 1 :]) is None


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert key_format.key_id(text) is None


@pytest.mark.parametrize("body", ["lin_" + "z" * 22 + "_" + "0" * 43])
def test_a_right_checksum_over_an_id_that_is_no_uuid_is_refused(body: str) -> None:
    key = f"{body}_{key_format._checksum(body)}"

    assert key_format.key_id(key) is None

"""What becomes of values and sentences before the database takes them."""

import pytest

from app.engine.stored import Unstorable, stored_output

MOST = 5 * 1024 * 1024


@pytest.mark.parametrize("letter", ["x", "é"])
def test_an_output_may_have_5_mebibytes_and_not_one_byte_more(letter: str) -> None:
    text = letter * ((MOST - 2) // len(letter.encode()))

    assert len(stored_output(text).encode()) == MOST
    with pytest.raises(Unstorable, match="larger than 5 MiB"):
        stored_output(text + "x")

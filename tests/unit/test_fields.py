"""Fields that several schemas share."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from app.schemas.base import camel
from app.schemas.fields import Instant, Name, QueryInteger


@given(st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_time_that_was_written_reads_back(at: datetime) -> None:
    written = Instant().serialize("at", {"at": at})

    assert re.fullmatch(r".*T.*Z", str(written))
    assert Instant().deserialize(written) == at


@given(st.text() | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-]\d\d:\d\d|Z)", fullmatch=True))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        at = Instant().deserialize(text)
    except ValidationError:
        return

    assert at.tzinfo is UTC


@pytest.mark.parametrize("value", ["1", "-3", "007"])
def test_digits_are_a_number(value: str) -> None:
    assert QueryInteger().deserialize(value) == int(value)


@pytest.mark.parametrize("value", ["", " 1", "1.0", "1_000", "٣", "0x1", "9" * 30, True])
def test_other_texts_are_no_number(value: Any) -> None:
    with pytest.raises(ValidationError):
        QueryInteger().deserialize(value)


def test_a_name_is_trimmed() -> None:
    assert Name().deserialize("  Ärger & Söhne ") == "Ärger & Söhne"


@pytest.mark.parametrize(
    ("inside", "outside"), [("name", "name"), ("max_concurrent_executions", "maxConcurrentExecutions")]
)
def test_names_are_camel_case_outside(inside: str, outside: str) -> None:
    assert camel(inside) == outside

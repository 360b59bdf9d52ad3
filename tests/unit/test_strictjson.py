"""The strict reader: what it refuses, where it says it is, and what it writes."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import strictjson
from app.errors import MalformedJson, ValidationFailed

SAFE = strictjson.SAFE_INTEGER
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-SAFE, SAFE)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_accepted_reads_back_equal(value):
    read = strictjson.loads(strictjson.dumps(value))

    assert read == value


@given(VALUES)
def test_escapes_of_every_kind_are_read(value):
    read = strictjson.loads(json.dumps(value).encode())

    assert read == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_survives_being_stored_as_a_long_integer(number):
    stored = format(number, "f") if number.is_integer() else repr(number)

    read = strictjson.loads_stored(stored.removesuffix(".000000"))

    assert read == number
    assert strictjson.loads(strictjson.dumps(read)) == number


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ('{"a": 1}'.encode("utf-16"), "byte order mark"),
        (b'{"a": "\xff"}', "line 1, column 8"),
        (b'"\xed\xa0\x80"', "line 1, column 2"),
        (b'{"a": 1,}', "line 1, column 9"),
        (b"[1,]", "line 1, column 4"),
        (b'{\n "a" 1}', "line 2, column 6"),
        (b"{a: 1}", "line 1, column 2"),
        (b"{'a': 1}", "line 1, column 2"),
        (b"[1 2]", "line 1, column 4"),
        (b"{} x", "line 1, column 4"),
        (b"01", "line 1, column 2"),
        (b"1.", "line 1, column 2"),
        (b"nul", "line 1, column 1"),
        (b'"open', "line 1, column 1"),
        (b'"\x01"', "line 1, column 1"),
        (b'"\\x"', "line 1, column 1"),
        (b'{"a":1}\x00', "line 1, column 8"),
        (b"[1", "line 1, column 3"),
    ],
)
def test_what_is_not_json_is_malformed_and_says_where(body, place):
    with pytest.raises(MalformedJson) as refused:
        strictjson.loads(body)

    assert place in refused.value.detail


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        (b"NaN", "", "NaN"),
        (b'{"a": [1, Infinity]}', "a[1]", "Infinity"),
        (b'{"a": {"b c": -Infinity}}', 'a["b c"]', "Infinity"),
        (b'{"input": {"items": [1, 2, 3, {"name": 1e400}]}}', "input.items[3].name", "too large"),
        (b"[-1e999]", "[0]", "too large"),
        (b'{"a": {"x": 1, "x": 1}}', "a.x", "twice"),
        (b'{"a": 1, "\\u0061": 2}', "a", "twice"),
        (b'{"a": "x\\u0000"}', "a", "NUL"),
        (b'{"a\\u0000": 1}', '["a\\u0000"]', "NUL"),
        (b'{"a": "\\ud800"}', "a", "surrogate"),
        (b'["\\ude00\\ud83d"]', "[0]", "surrogate"),
        (b'{"\\udc00": 1}', '["\\udc00"]', "surrogate"),
        (b'{"id": 9007199254740992}', "id", "send it as a string"),
        (b"[-9007199254740992]", "[0]", "send it as a string"),
        (b"1" * 5000, "", "send it as a string"),
    ],
)
def test_what_could_not_be_kept_is_refused_with_its_place(body, path, message):
    with pytest.raises(ValidationFailed) as refused:
        strictjson.loads(body)

    [fault] = refused.value.faults
    assert fault.path == path
    assert message in fault.message


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 65 + b"]" * 65,
        b'{"a":' * 65 + b"1" + b"}" * 65,
        b"[" * 100_000 + b"]" * 100_000,
        b"[" * 100_000,
    ],
)
def test_deep_nesting_is_refused_without_recursion(body):
    with pytest.raises(ValidationFailed, match="cannot be kept"):
        strictjson.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 64 + b"]" * 64,
        b'{"a":[' * 32 + b"]}" * 32,
        b'"' + b"[" * 1000 + b'"',
        b'"\\"' + b"{" * 1000 + b'"',
        b"[" + b",".join([b"[[]]"] * 1000) + b"]",
    ],
)
def test_many_brackets_are_fine_when_they_do_not_nest_deeply(body):
    assert strictjson.loads(body) == json.loads(body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"9007199254740991", 9007199254740991),
        (b"-9007199254740991", -9007199254740991),
        (b"1e300", 1e300),
        (b"12345678901234567890.0", 12345678901234567890.0),
        (b"-0.0", 0.0),
        (b"1e-400", 0.0),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\\\u0000"', "\\u0000"),
        (b' {"":null} ', {"": None}),
    ],
)
def test_unusual_but_sound_values_are_accepted(body, value):
    assert strictjson.loads(body) == value


def test_the_depth_can_be_chosen():
    assert strictjson.loads(b"[[1]]", max_depth=2) == [[1]]
    with pytest.raises(ValidationFailed):
        strictjson.loads(b"[[1]]", max_depth=1)


def test_a_very_long_path_is_cut():
    body = b'{"' + b"k" * 1000 + b'": NaN}'

    with pytest.raises(ValidationFailed) as refused:
        strictjson.loads(body)

    assert len(refused.value.faults[0].path) < 400


def test_equal_bodies_have_the_same_canonical_bytes():
    one = {"b": 1, "a": [1.0, -0.0, {"y": 1e300, "x": None}]}
    other = {"a": [1, 0, {"x": None, "y": 1e300}], "b": 1.0}

    assert strictjson.canonical(one) == strictjson.canonical(other)


@pytest.mark.parametrize(("one", "other"), [(1, True), (0, False), ("1", 1), (None, {}), ([1, 2], [2, 1])])
def test_different_values_have_different_canonical_bytes(one, other):
    assert strictjson.canonical(one) != strictjson.canonical(other)


def test_a_computed_long_integer_is_a_double():
    read = strictjson.loads_computed(b"[1152921504606846976, 9007199254740991]")

    assert [type(number) for number in read] == [float, int]
    assert math.isclose(read[0], 2**60)


@pytest.mark.parametrize("raw", [b'"\\u0000"', b'"\\ud800"', b"[" * 65 + b"]" * 65])
def test_a_computed_value_that_could_not_be_kept_is_refused(raw):
    with pytest.raises(ValidationFailed):
        strictjson.loads_computed(raw)


def test_a_computed_value_that_is_no_json_is_malformed():
    with pytest.raises(MalformedJson):
        strictjson.loads_computed(b"{")

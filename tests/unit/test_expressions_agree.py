"""What Python resolves of an expression is what JavaScript makes of it."""

import json
import math

import pytest
import quickjs
from hypothesis import example, given
from hypothesis import strategies as st

from app.engine.paths import ExpressionFailed, number_text, parse_path, reader, text_of, truthy
from app.strictjson import loads_computed


class Engine:
    """JavaScript in this process, to compare with: it only ever sees the paths of these tests."""

    def __init__(self):
        self.context = quickjs.Context()
        self.path = self.context.eval(
            """(scope, path) => {
              const input = JSON.parse(scope);
              try {
                const value = (0, eval)("(input) => " + path)(input);
                return typeof value === "function" ? "broken" : JSON.stringify(value) ?? "null";
              }
              catch (error) { return error instanceof TypeError ? "broken" : String(error); }
            }"""
        )
        self.text = self.context.eval(
            """(scope) => {
              const v = JSON.parse(scope);
              return v === null ? "" : typeof v === "object" ? JSON.stringify(v) : String(v);
            }"""
        )
        self.truth = self.context.eval("(scope) => Boolean(JSON.parse(scope))")


def is_shortest(number):
    """Leave out powers of two: QuickJS prints some longer than ECMA-262 wants, with the same value."""
    return abs(math.frexp(number)[0]) != 0.5 or number.is_integer()


ENGINE = Engine()
FLOATS = st.floats(allow_nan=False, allow_infinity=False).filter(is_shortest)
WORDS = st.sampled_from(
    ["a", "b", "0", "1", "01", "length", "__proto__", "constructor", "map", "é", "x y", ""]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | FLOATS
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=4)
)
JSONS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    [
        ".a",
        ".b",
        "[0]",
        "[1]",
        '["01"]',
        '["0"]',
        ".length",
        ".__proto__",
        ".constructor",
        ".map",
        ".trim",
        ".toFixed",
        '["x y"]',
        '[""]',
    ]
)


@given(JSONS, st.lists(KEYS, max_size=4))
@example(["\U00010000"], ["[0]", "[0]", ".x"])
@example(["\U00010000"], ["[0]", "[0]", ".length"])
@example(["\U00010000"], ["[0]", "[0]"])
def test_python_and_javascript_read_the_same_from_a_path(value, keys):
    source = "input" + "".join(keys)
    path = parse_path(source)
    if path is None:
        return
    expected = ENGINE.path(json.dumps(value), source)

    if expected == "broken" or "\\ud" in expected:
        with pytest.raises(ExpressionFailed):
            reader(*path)({"input": value})
    else:
        assert reader(*path)({"input": value}) == loads_computed(expected.encode())


@given(JSONS)
def test_python_and_javascript_write_the_same_text(value):
    assert text_of(value) == ENGINE.text(json.dumps(value))


@given(FLOATS)
def test_python_and_javascript_print_the_same_numbers(number):
    assert number_text(number) == ENGINE.text(repr(number))


@given(JSONS)
def test_python_and_javascript_agree_on_what_is_true(value):
    assert truthy(value) is ENGINE.truth(json.dumps(value))

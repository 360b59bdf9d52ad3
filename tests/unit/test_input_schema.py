"""Inputs against the schema of a definition: what fits, and that no schema takes for ever."""

import time

import pytest

from app.engine.graph import Graph, check_input, compile_graph

STEP = {"id": "a", "type": "transform", "with": {"value": 1}}


def graph(**fields) -> Graph:
    """Compile a definition of one step."""
    return compile_graph({"steps": [STEP], **fields})


SCHEMA = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "integer"},
        "pattern": {"type": "string"},
        "tree": {"$ref": "#/$defs/tree"},
        "tags": {"uniqueItems": True},
    },
    "$defs": {"tree": {"properties": {"left": {"$ref": "#/$defs/tree"}, "n": {"type": "number"}}}},
}


@pytest.mark.parametrize(
    ("input", "paths"),
    [
        ({"id": 1, "pattern": "x"}, []),
        ({"id": 1.0}, []),
        ({}, ["input"]),
        ({"id": "1"}, ["input.id"]),
        ({"id": 1, "tree": {"left": {"left": {"n": "x"}}}}, ["input.tree.left.left.n"]),
        ({"id": 1, "tags": [{"a": 1}, {"a": 1.0}]}, ["input.tags"]),
        ({"id": 1, "tags": [1, True, "1"]}, []),
        ([], ["input"]),
    ],
)
def test_an_input_is_checked_against_the_schema(input, paths):
    compiled = graph(inputSchema=SCHEMA)

    assert [fault.path for fault in check_input(compiled, input)] == paths


def test_without_a_schema_any_input_fits():
    assert check_input(graph(), [None]) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"},
        {
            "$defs": {
                "a0": {},
                **{f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n - 1}"}] * 2} for n in range(1, 40)},
            },
            "$ref": "#/$defs/a39",
        },
    ],
)
def test_a_schema_that_multiplies_itself_is_given_up(schema):
    compiled = graph(inputSchema=schema)
    start = time.thread_time()

    [fault] = check_input(compiled, {"x": 1})

    assert "too long" in fault.message
    assert time.thread_time() - start < 10


def test_unique_items_are_checked_in_linear_time():
    compiled = graph(inputSchema={"uniqueItems": True})
    start = time.thread_time()

    assert check_input(compiled, [{"n": n} for n in range(50_000)]) == []
    assert time.thread_time() - start < 10

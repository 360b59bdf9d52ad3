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


def test_every_violation_is_told_with_its_place_and_the_value_as_json():
    compiled = graph(
        inputSchema={
            "required": ["id", "when"],
            "properties": {
                "n": {"type": "integer"},
                "size": {"enum": ["S", "M"]},
                "e/f g": {"const": True},
                "to": {"anyOf": [{"type": "string"}, {"properties": {"city": {"type": "string"}}}]},
                "old": False,
            },
            "additionalProperties": False,
        }
    )

    found = check_input(
        compiled, {"n": None, "size": "L", "e/f g": None, "to": {"city": 5}, "old": 1, "x": 1}
    )

    assert {(fault.path, fault.message) for fault in found} == {
        ("input", "'id' is a required property"),
        ("input", "'when' is a required property"),
        ("input", "Additional properties are not allowed ('x' was unexpected)"),
        ("input.n", 'null is not of type "integer"'),
        ("input.size", '"L" is not one of ["S","M"]'),
        ('input["e/f g"]', "true was expected"),
        (
            "input.to",
            '{"city":5} fits none of the schemas in anyOf; the nearest: city: 5 is not of type "string"',
        ),
        ("input.old", "Nothing may stand here: its schema is false."),
    }


def test_an_input_with_very_many_faults_is_told_of_some_and_that_there_are_more():
    compiled = graph(inputSchema={"items": {"type": "integer"}})

    found = check_input(compiled, ["x"] * 1000)

    assert len(found) == 51
    assert {fault.path for fault in found[:50]} == {f"input[{n}]" for n in range(50)}
    assert found[50].message == "There is more: only 50 faults are listed."


def test_a_schema_that_multiplies_itself_with_the_depth_of_the_input_is_given_up():
    compiled = graph(inputSchema={"properties": {"x": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}})
    deep = {}
    for _ in range(40):
        deep = {"x": deep}
    start = time.thread_time()

    [fault] = check_input(compiled, deep)

    assert "too long" in fault.message
    assert time.thread_time() - start < 10


def test_unique_items_are_checked_in_linear_time():
    compiled = graph(inputSchema={"uniqueItems": True})
    start = time.thread_time()

    assert check_input(compiled, [{"n": n} for n in range(50_000)]) == []
    assert time.thread_time() - start < 10

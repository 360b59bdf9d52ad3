"""What is wrong with an inputSchema is told when the definition is saved: all of it, with places."""

import time
from typing import Any

import pytest

from app.engine.graph import check_input, compile_graph
from app.errors import InvalidDefinition

Json = Any
STEP = {"id": "a", "type": "transform", "with": {"value": 1}}
TREE = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "children": {"items": {"$ref": "#"}}, "next": {"$ref": "#"}},
}


def faults(schema: Json) -> list[tuple[str, str]]:
    """Give path and message of all that keeps a schema from being saved."""
    try:
        compile_graph({"steps": [STEP], "inputSchema": schema})
    except InvalidDefinition as refused:
        return [(fault.path, fault.message) for fault in refused.faults]
    return []


def doubling(times: int) -> Json:
    """Give a schema that asks 2 to the power of `times` others about one value."""
    more = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n - 1}"}] * 2} for n in range(1, times + 1)}
    return {"$defs": {"a0": {}, **more}, "$ref": f"#/$defs/a{times}"}


def chain(length: int) -> Json:
    """Give a schema that goes through so many references, one after the other."""
    more = {f"a{n}": {"$ref": f"#/$defs/a{n + 1}"} for n in range(length)}
    return {"$defs": {**more, f"a{length}": {"type": "integer"}}, "$ref": "#/$defs/a0"}


@pytest.mark.parametrize(
    ("schema", "path", "ring"),
    [
        ({"$ref": "#"}, "inputSchema.$ref", "# → #"),
        ({"allOf": [{"$ref": "#"}]}, "inputSchema.allOf[0].$ref", "# → #/allOf/0 → #"),
        ({"anyOf": [{"type": "string"}, {"$ref": "#"}]}, "inputSchema.anyOf[1].$ref", "#/anyOf/1"),
        ({"not": {"$ref": "#"}}, "inputSchema.not.$ref", "#/not"),
        ({"if": True, "then": {"$ref": "#"}}, "inputSchema.then.$ref", "#/then"),
        ({"dependentSchemas": {"a": {"$ref": "#"}}}, "inputSchema.dependentSchemas.a.$ref", "# → "),
        (
            {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"oneOf": [{"$ref": "#/$defs/a"}]}}},
            "inputSchema.$defs.a.$ref",
            "#/$defs/a → #/$defs/b → #/$defs/b/oneOf/0 → #/$defs/a",
        ),
        (
            {"properties": {"a": {"$anchor": "me", "allOf": [{"$ref": "#me"}]}}},
            "inputSchema.properties.a.allOf[0].$ref",
            "#/properties/a → ",
        ),
    ],
)
def test_a_schema_that_asks_itself_about_the_same_value_is_refused_with_the_ring(
    schema: Json, path: str, ring: str
) -> None:
    [(where, said)] = faults(schema)

    assert where == path
    assert ring in said
    assert "only for what is inside a value, as in properties or items" in said


@pytest.mark.parametrize(
    "schema",
    [
        TREE,
        {
            "$defs": {"node": TREE | {"properties": {"next": {"$ref": "#/$defs/node"}}}},
            "$ref": "#/$defs/node",
        },
        {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#"}}]},
        {"type": ["object", "integer"], "additionalProperties": {"$ref": "#"}},
        {"$defs": {"a b/c~d": {"type": "object"}}, "$ref": "#/$defs/a%20b~1c~0d"},
        {"definitions": {"a": {"type": "object"}}, "$ref": "#/definitions/a"},
        {"$defs": {"x": {"$anchor": "here"}}, "$ref": "#here"},
        {"$id": "https://example.com/s", "$defs": {"x": {}}, "$ref": "#/$defs/x"},
        chain(50),
    ],
)
def test_a_schema_that_comes_back_to_itself_inside_a_value_works(schema: Json) -> None:
    graph = compile_graph({"steps": [STEP], "inputSchema": schema})

    fits = check_input(graph, 1) == [] or check_input(graph, {}) == []

    assert fits


def test_a_tree_is_checked_in_all_its_depth() -> None:
    graph = compile_graph({"steps": [STEP], "inputSchema": TREE})
    leaf: Json = {"n": "one"}
    for _ in range(20):
        leaf = {"children": [{"n": 1}, leaf]}

    [fault] = check_input(graph, leaf)

    assert fault.path == "input" + ".children[1]" * 20 + ".n"


@pytest.mark.parametrize("schema", [doubling(39), chain(200)], ids=["doubling", "chain"])
def test_a_schema_that_no_value_could_be_checked_with_in_time_is_refused(schema: Json) -> None:
    start = time.thread_time()

    [(path, said)] = faults(schema)

    assert path.startswith("inputSchema.$defs.a")
    assert "would take too long" in said
    assert time.thread_time() - start < 10


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("https://example.com/s.json", "no other is ever fetched"),
        ("other.json#/$defs/a", "no other is ever fetched"),
        ("file:///etc/passwd", "no other is ever fetched"),
        ("#/$defs/adress", "did you mean #/$defs/address?"),
        ("#nowhere", "there are #, #/$defs/address"),
        ("", "Must be a text such as #/$defs/NAME"),
        (5, "Must be a text such as #/$defs/NAME"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(ref: Json, message: str) -> None:
    [(path, said)] = faults({"$defs": {"address": {}}, "items": {"$ref": ref}})

    assert path == "inputSchema.items.$ref"
    assert message in said


def test_all_that_is_wrong_with_a_schema_is_told_at_once() -> None:
    found = faults(
        {
            "type": "objct",
            "required": "a",
            "properties": {
                "a": {"type": 5, "minimum": "x", "pattern": "^a$"},
                "b": {"$ref": "#/nope"},
                "c": "string",
                "d": {"items": [{}]},
                "e": {"allOf": [{"$ref": "#/properties/e"}]},
            },
        }
    )

    said = dict(found)
    assert len(said) == len(found)
    assert said["inputSchema.type"].startswith(
        "There is no type objct (did you mean object?); there are array"
    )
    assert said["inputSchema.required"] == "Must be a list of names, beside properties."
    assert said["inputSchema.properties.a.type"].startswith("Must be one of array, boolean")
    assert said["inputSchema.properties.a.minimum"] == '"x" is not of type "number"'
    assert said["inputSchema.properties.a.pattern"].startswith("pattern is not supported")
    assert said["inputSchema.properties.b.$ref"].startswith("$ref may only point into this schema")
    assert said["inputSchema.properties.c"] == 'Must be a schema, as in {"type": "string"}.'
    assert said["inputSchema.properties.d.items"].endswith("goes in prefixItems.")
    assert "without end" in said["inputSchema.properties.e.allOf[0].$ref"]
    assert len(said) == 9


def test_a_schema_with_thousands_of_faults_is_refused_soon_with_some_of_them() -> None:
    start = time.thread_time()

    found = faults({"properties": {f"p{n}": {"type": "objct"} for n in range(5000)}})

    assert 10 <= len(found) <= 50
    assert time.thread_time() - start < 10


def test_words_that_json_schema_does_not_know_are_doubtful() -> None:
    schema = {
        "propertes": {},
        "items": {"nullable": True, "x-note": 1, "format": "email"},
        "title": "An order",
    }

    graph = compile_graph({"steps": [STEP], "inputSchema": schema})

    assert [(w.path, w.message) for w in graph.warnings] == [
        (
            "inputSchema.propertes",
            "JSON Schema has no propertes (did you mean properties?), so it does nothing.",
        ),
        ("inputSchema.items.nullable", "JSON Schema has no nullable, so it does nothing."),
    ]

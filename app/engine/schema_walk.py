"""All subschemas of a JSON Schema: where they stand, and which of them are asked about the same value."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

Json = Any
Place = tuple[str | int, ...]

_MAPS = ("properties", "$defs", "definitions", "dependentSchemas")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = (
    "items", "not", "if", "then", "else", "contains", "additionalProperties", "propertyNames",
    "unevaluatedItems", "unevaluatedProperties", "contentSchema",
)  # fmt: skip
_SAME_VALUE = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"})


@dataclass(slots=True)
class Schemas:
    """The subschemas by their JSON pointers, `#` is the whole; `places` are their paths.

    `asks` gives for each those inside it that are asked about the same value; `refs` its `$ref`.
    """

    schemas: dict[str, Json] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    asks: dict[str, list[str]] = field(default_factory=dict)
    refs: dict[str, Json] = field(default_factory=dict)
    anchors: dict[str, str] = field(default_factory=dict)

    def add(self, schema: Json, place: Place, pointer: str = "#") -> None:
        """Add a schema and all that stand in it."""
        self.schemas[pointer], self.places[pointer], self.asks[pointer] = schema, place, []
        if not isinstance(schema, dict):
            return
        if isinstance(schema.get("$anchor"), str):
            self.anchors["#" + schema["$anchor"]] = pointer
        if "$ref" in schema:
            self.refs[pointer] = schema["$ref"]
        for keys, inner in _inside(schema):
            under = "/".join([pointer, *(str(key).replace("~", "~0").replace("/", "~1") for key in keys)])
            self.add(inner, (*place, *keys), under)
            if keys[0] in _SAME_VALUE:
                self.asks[pointer].append(under)

    def target(self, ref: Json) -> str | None:
        """Return the pointer of the schema that a `$ref` means; None when it is not in here."""
        if not isinstance(ref, str):
            return None
        pointer = unquote(ref) if ref.startswith("#/") else self.anchors.get(ref, ref)
        return pointer if pointer in self.schemas else None

    def asked(self) -> dict[str, list[str]]:
        """Return for each schema all that it asks about the same value, by references too."""
        found = {pointer: list(inner) for pointer, inner in self.asks.items()}
        for pointer, ref in self.refs.items():
            if (target := self.target(ref)) is not None:
                found[pointer].append(target)
        return found


def _inside(schema: dict[str, Json]) -> Iterator[tuple[Place, Json]]:
    """Yield each schema that stands in this one, with the way to it."""
    for word in filter(schema.__contains__, _SINGLE):
        yield (word,), schema[word]
    for word in _MAPS:
        named = schema.get(word)
        for name, inner in named.items() if isinstance(named, dict) else ():
            yield (word, name), inner
    for word in _LISTS:
        listed = schema.get(word)
        for at, inner in enumerate(listed if isinstance(listed, list) else ()):
            yield (word, at), inner

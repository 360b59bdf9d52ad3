"""What is wrong with an inputSchema: all of it, found when the definition is saved."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from app.engine.graph_order import groups_of, rings_of
from app.engine.nearest import nearest
from app.engine.schema_walk import Place, Schemas
from app.engine.schema_words import said
from app.errors import Fault
from app.strictjson_fault import path_text

Json = Any

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MOST_FAULTS = 50
# How often keywords may be used for one value, and how deep schemas may ask one another about it.
_MOST_USES, _MOST_DEEP = 50_000, 100
_MOST_NAMES = 20
_REFUSED = ("pattern", "patternProperties", "$dynamicRef", "$dynamicAnchor", "$recursiveRef")
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_REMARKS_TEXT = """
    $schema $id $anchor $comment $vocabulary $defs definitions title description default examples deprecated
    readOnly writeOnly then else minContains maxContains contentEncoding contentMediaType contentSchema
"""
_REMARKS = frozenset(_REMARKS_TEXT.split())
_KEYWORDS = _REMARKS | Draft202012Validator.VALIDATORS.keys()
_HINTS = {
    "items": "Must be one schema: a list of them goes in prefixItems.",
    "required": "Must be a list of names, beside properties.",
}


def faults_of(schema: Json, path: str) -> list[Fault]:
    """Return all that keeps a value from being a schema for inputs, at most 50 faults."""
    all_of_it = Schemas()
    all_of_it.add(schema, (path,))
    faults = [fault for pointer in all_of_it.schemas for fault in _refused(all_of_it, pointer)]
    faults += _refs_to_nowhere(all_of_it)
    faults += list(_endless(all_of_it)) or _too_much(all_of_it)
    told = {fault.path for fault in faults}
    return [*faults, *islice(_against_the_standard(schema, path, told), MOST_FAULTS)][:MOST_FAULTS]


def doubts_of(schema: Json, path: str) -> list[Fault]:
    """Return warnings of the words in a valid schema that mean nothing in JSON Schema, at most 50."""
    all_of_it = Schemas()
    all_of_it.add(schema, (path,))
    return list(islice(_meaningless(all_of_it), MOST_FAULTS))


def _meaningless(all_of_it: Schemas) -> Iterator[Fault]:
    for pointer, place in all_of_it.places.items():
        inner = all_of_it.schemas[pointer]
        for word in inner if isinstance(inner, dict) else ():
            if word not in _KEYWORDS and not word.startswith("x-"):
                message = f"JSON Schema has no {word[:100]}{nearest(word, _KEYWORDS)}, so it does nothing."
                yield Fault(path_text([*place, word]), message)


def _refused(all_of_it: Schemas, pointer: str) -> Iterator[Fault]:
    schema, place = all_of_it.schemas[pointer], all_of_it.places[pointer]
    if not isinstance(schema, dict):
        return
    for word in _REFUSED:
        if word in schema:
            yield Fault(path_text([*place, word]), f"{word} is not supported in an inputSchema: take it out.")
    if "$id" in schema and pointer != "#":
        yield Fault(path_text([*place, "$id"]), "$id may only stand at the top: use $anchor.")
    if schema.get("$schema", DIALECT) not in (DIALECT, DIALECT + "#"):
        yield Fault(path_text([*place, "$schema"]), f"Must be {DIALECT}.")


def _refs_to_nowhere(all_of_it: Schemas) -> Iterator[Fault]:
    known = [pointer for pointer in all_of_it.schemas if pointer.startswith(("#/$defs/", "#/definitions/"))]
    known = [pointer for pointer in known if pointer.count("/") == 2] + [*all_of_it.anchors]
    there = f"; there are {', '.join(['#', *known[:_MOST_NAMES]])}" if known else ""
    for pointer, ref in all_of_it.refs.items():
        if all_of_it.target(ref) is not None:
            continue
        yield Fault(path_text([*all_of_it.places[pointer], "$ref"]), _nowhere(ref, known, there))


def _nowhere(ref: Json, known: list[str], there: str) -> str:
    if not isinstance(ref, str) or not ref:
        return "Must be a text such as #/$defs/NAME; # is the whole schema."
    message = f"$ref may only point into this schema, and {ref[:100]} is no part of it"
    if ref.startswith("#"):
        return f"{message}{nearest(ref, known)}{there}."
    return f"{message}: no other is ever fetched. Copy it into $defs and point to #/$defs/NAME."


def _endless(all_of_it: Schemas) -> Iterator[Fault]:
    """Yield each ring of schemas that ask each other about the same value: none could ever be checked."""
    for ring in rings_of(all_of_it.asked()):
        by_ref = next(pointer for pointer in ring if pointer in all_of_it.refs)
        way = " → ".join(ring[:_MOST_NAMES])
        message = (
            f"This schema asks itself about the same value, without end: {way}."
            " A schema may come back to itself only for what is inside a value, as in properties or items."
        )
        yield Fault(path_text([*all_of_it.places[by_ref], "$ref"]), message)


def _too_much(all_of_it: Schemas) -> list[Fault]:
    """Return a fault when references multiply so that no value could be checked in time."""
    asked = all_of_it.asked()
    uses: dict[str, int] = {}
    depth: dict[str, int] = {}
    for [pointer] in groups_of(asked):
        schema, inner = all_of_it.schemas[pointer], asked[pointer]
        own = len(schema) if isinstance(schema, dict) else 0
        uses[pointer] = min(_MOST_USES + 1, 1 + own + sum(uses[one] for one in inner))
        depth[pointer] = 1 + max((depth[one] for one in inner), default=0)
        if uses[pointer] > _MOST_USES or depth[pointer] > _MOST_DEEP:
            message = (
                "Checking one value would take too long: this schema refers to others too often, or through"
                f" more than {_MOST_DEEP} one after the other. Make it simpler."
            )
            return [Fault(path_text([*all_of_it.places[pointer]]), message)]
    return []


def _against_the_standard(schema: Json, path: str, told: set[str]) -> Iterator[Fault]:
    """Yield what the standard does not allow, once for each place that nothing was told of."""
    standard = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    for error in standard.iter_errors(schema):
        place = path_text([path, *error.absolute_path])
        if place not in told:
            told.add(place)
            yield Fault(place, _mended(error))


def _mended(error: ValidationError) -> str:
    """Say how to mend what the standard does not allow."""
    place: Place = tuple(error.absolute_path)
    word = place[-1] if place else ""
    if word in _HINTS and error.validator == "type":
        return _HINTS[str(word)]
    if word == "type":
        return _no_type(error.instance)
    if error.validator == "type" and error.validator_value == ["object", "boolean"]:
        return 'Must be a schema, as in {"type": "string"}.'
    return said(error)


def _no_type(given: Json) -> str:
    known = ", ".join(_TYPES)
    strange = [one for one in (given if isinstance(given, list) else [given]) if one not in _TYPES]
    if strange and isinstance(strange[0], str):
        return f"There is no type {strange[0][:100]}{nearest(strange[0], _TYPES)}; there are {known}."
    return f"Must be one of {known}, or a list of some of them."

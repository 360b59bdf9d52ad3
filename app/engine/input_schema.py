"""JSON Schema (2020-12) for the input of a workflow, without what a hostile schema could hang us with."""

from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry

from app import strictjson
from app.errors import Fault
from app.strictjson_fault import path_text

Json = Any

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFUSED = ("pattern", "patternProperties", "$dynamicRef", "$dynamicAnchor", "$recursiveRef")
_MAPS = ("properties", "$defs", "dependentSchemas")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = (
    "items", "not", "if", "then", "else", "contains", "additionalProperties", "propertyNames",
    "unevaluatedItems", "unevaluatedProperties", "contentSchema",
)  # fmt: skip
_MOST_FAULTS = 50
# Each use of a keyword takes some microseconds; small inputs get a small budget.
_FREE_CHECKS, _MOST_CHECKS = 100_000, 1_000_000
_left: ContextVar[int] = ContextVar("left", default=_MOST_CHECKS)

Check = Callable[[Any, Json, Json, Json], Iterable[ValidationError] | None]


class _TooMuch(Exception):
    """The schema multiplies itself so often that checking would not end soon."""


class InputSchema:
    """A schema that was checked and is ready to check inputs."""

    def __init__(self, schema: Json) -> None:
        self._schema = schema

    def check(self, value: Json) -> list[Fault]:
        """Return what does not fit; paths start with `input`."""
        _left.set(min(_MOST_CHECKS, _FREE_CHECKS + 4 * len(strictjson.dumps(value))))
        validator = _Validator(self._schema, registry=Registry())
        faults: list[Fault] = []
        try:
            for error in validator.iter_errors(value):
                faults.append(Fault(_place(error), _message(error)))
                if len(faults) == _MOST_FAULTS:
                    break
        except (_TooMuch, RecursionError):
            faults.append(Fault("input", "The workflow's inputSchema takes too long to check."))
        return faults


def compile_schema(schema: Json, path: str = "inputSchema") -> tuple[InputSchema | None, list[Fault]]:
    """Check a schema itself; return it ready for use, or what is wrong with it."""
    walk = _Walk()
    walk.schema(schema, path, "#")
    faults = walk.faults + [
        Fault(place, f"$ref may only point into this schema, and {ref} is no part of it.")
        for place, ref in walk.refs
        if ref not in walk.places
    ]
    if not faults:
        faults = [
            Fault(_joined(path, error), error.message[:300])
            for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema)
        ]
    return (None if faults else InputSchema(schema)), faults[:_MOST_FAULTS]


class _Walk:
    """Visits all subschemas: what may not stand in them, and which places a `$ref` may point to."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.refs: list[tuple[str, Any]] = []
        self.places: set[Any] = set()

    def schema(self, schema: Json, path: str, pointer: str) -> None:
        self.places.add(pointer)
        if not isinstance(schema, dict):
            return
        self.faults += _refused(schema, path, at_top=pointer == "#")
        if isinstance(schema.get("$anchor"), str):
            self.places.add("#" + schema["$anchor"])
        if "$ref" in schema:
            ref = schema["$ref"]
            self.refs.append((f"{path}.$ref", ref if isinstance(ref, str) else repr(ref)[:100]))
        for key, inner in _inside(schema):
            self.schema(inner, f"{path}.{key.replace('/', '.')}", f"{pointer}/{key}")


def _refused(schema: dict[str, Json], path: str, *, at_top: bool) -> Iterator[Fault]:
    for word in _REFUSED:
        if word in schema:
            yield Fault(f"{path}.{word}", f"{word} is not supported in an inputSchema.")
    if "$id" in schema and not at_top:
        yield Fault(f"{path}.$id", "$id may only stand at the top.")
    if schema.get("$schema", DIALECT) not in (DIALECT, DIALECT + "#"):
        yield Fault(f"{path}.$schema", f"Must be {DIALECT}.")


def _inside(schema: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    """Yield each schema that stands in this one, with the pointer to it."""
    for word in filter(schema.__contains__, _SINGLE):
        yield word, schema[word]
    for word in _MAPS:
        named = schema.get(word)
        for name, inner in named.items() if isinstance(named, dict) else ():
            yield f"{word}/{name.replace('~', '~0').replace('/', '~1')}", inner
    for word in _LISTS:
        listed = schema.get(word)
        for at, inner in enumerate(listed if isinstance(listed, list) else ()):
            yield f"{word}/{at}", inner


def _counted(check: Check) -> Check:
    """Count each use of a keyword, so that references and nesting cannot multiply without end."""

    def counted(validator: Any, wanted: Json, instance: Json, schema: Json) -> Iterable[ValidationError]:
        left = _left.get() - 1
        if left < 0:
            raise _TooMuch
        _left.set(left)
        return check(validator, wanted, instance, schema) or ()

    return counted


def _unique(_validator: Any, wanted: bool, instance: Json, _schema: Json) -> Iterator[ValidationError]:
    """Check uniqueItems in linear time."""
    if wanted and isinstance(instance, list):
        seen = {strictjson.canonical(item) for item in instance}
        if len(seen) < len(instance):
            yield ValidationError("has items that are equal")


def _place(error: ValidationError) -> str:
    return path_text(["input", *error.absolute_path])


def _message(error: ValidationError) -> str:
    return error.message if len(error.message) <= 300 else error.message[:300] + "…"


def _joined(path: str, error: ValidationError) -> str:
    return path_text([path, *error.absolute_path])


_CHECKS: dict[str, Check] = {**Draft202012Validator.VALIDATORS, "uniqueItems": _unique}
_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {word: _counted(check) for word, check in _CHECKS.items()}
)

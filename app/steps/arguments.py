"""A step's `with` against the schema of its type: when the definition is saved and when the step runs."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from marshmallow import Schema, ValidationError, fields

from app.errors import Fault
from app.steps.fields import UNKNOWN, Anything, Verbatim
from app.tasks import near

Json = Any
Where = Schema | fields.Field[Any] | None


class BadArguments(Exception):
    """An evaluated `with` does not fit its step type; the message says where."""


@lru_cache(maxsize=256)
def schema_of(schema: type[Schema]) -> Schema:
    """Return the one instance of a schema: making one costs more than using it."""
    return schema()


@lru_cache(maxsize=256)
def _open_keys(schema: type[Schema]) -> frozenset[str] | None:
    """Return the keys of a schema that takes any value for each; None for all others: they must be loaded."""
    declared = schema_of(schema).fields
    simple = all(type(f) is Anything and not f.validators and f.required for f in declared.values())
    return frozenset(declared) if simple and not any(f.data_key for f in declared.values()) else None


@lru_cache(maxsize=256)
def keys_of(schema: type[Schema]) -> frozenset[str]:
    """Return the names of the fields of a schema, as they are written."""
    return frozenset(f.data_key or name for name, f in schema_of(schema).fields.items())


@lru_cache(maxsize=256)
def verbatim_fields(schema: type[Schema]) -> frozenset[str]:
    """Return the keys whose text is a program, in which `${{` means nothing."""
    declared = schema_of(schema).fields.items()
    return frozenset(f.data_key or name for name, f in declared if isinstance(f, Verbatim))


def check_args(schema: type[Schema], marked: Json, path: str) -> list[Fault]:
    """Return what is wrong with a `with` as far as it is known before the step runs."""
    try:
        schema_of(schema).load(marked)
    except ValidationError as error:
        return list(faults_of(error.messages, path, schema_of(schema)))
    return []


def load_args(schema: type[Schema], values: Json) -> Any:
    """Return the evaluated `with` as the step type takes it; raises BadArguments."""
    if isinstance(values, dict) and values.keys() == _open_keys(schema):
        return values
    try:
        return schema_of(schema).load(values)
    except ValidationError as error:
        found = faults_of(error.messages, "with", schema_of(schema))
        raise BadArguments(" ".join(f"{fault.path}: {fault.message}" for fault in found)) from None


def load_as_far(schema: type[Schema], value: Json) -> tuple[dict[str, Any], list[Fault]]:
    """Return the loaded value, or as much of it as is right, and what is wrong with it."""
    try:
        loaded: dict[str, Any] = schema_of(schema).load(value)
    except ValidationError as error:
        faults = list(faults_of(error.messages, "", schema_of(schema)))
        return (error.valid_data if isinstance(error.valid_data, dict) else {}), faults
    return loaded, []


def faults_of(messages: Any, path: str, where: Where = None) -> Iterator[Fault]:
    """Turn marshmallow's nested messages into faults; `where` is the schema or field that they are of."""
    if isinstance(messages, str):
        yield Fault(path, messages)
    elif isinstance(messages, list):
        for message in messages:
            yield from faults_of(message, path, where)
    elif isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from _under(key, inner, path, where)


def _under(key: Any, inner: Any, path: str, where: Where) -> Iterator[Fault]:
    if key == "_schema":
        yield from faults_of(inner, path, where)
    elif isinstance(where, fields.Dict):
        for side, message in inner.items() if isinstance(inner, Mapping) else [("value", inner)]:
            yield from faults_of(message, f"{path}.{key}", where.value_field if side == "value" else None)
    elif isinstance(key, int):
        inside = where.inner if isinstance(where, fields.List) else None
        yield from faults_of(inner, f"{path}[{key}]", _opened(inside))
    else:
        member = _field(where, key) if isinstance(where, Schema) else None
        if isinstance(where, Schema) and inner == [UNKNOWN]:
            inner = _unknown(str(key), where)
        yield from faults_of(inner, f"{path}.{key}" if path else str(key), _opened(member))


def _unknown(key: str, schema: Schema) -> str:
    """Say which fields there are, and which of them was probably meant."""
    known = {f.data_key or name: f for name, f in schema.fields.items()}
    there = f"there are {', '.join(known)}" if known else "there are none"
    return f"There is no field {key[:100]} here{near(key, known)}; {there}."


def _field(schema: Schema, key: str) -> fields.Field[Any] | None:
    return next((f for name, f in schema.fields.items() if (f.data_key or name) == key), None)


def _opened(field: fields.Field[Any] | None) -> Where:
    return field.schema if isinstance(field, fields.Nested) else field

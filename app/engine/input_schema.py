"""Inputs against the JSON Schema (2020-12) of their workflow, whatever a hostile schema would do to us."""

from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from app import strictjson
from app.engine.schema_faults import doubts_of, faults_of
from app.engine.schema_words import NOTHING, said
from app.errors import Fault
from app.strictjson_fault import path_text

Json = Any

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
        """Return what does not fit, at most 50 faults; paths start with `input`."""
        _left.set(min(_MOST_CHECKS, _FREE_CHECKS + 4 * len(strictjson.dumps(value))))
        validator = _Validator(self._schema, registry=Registry())
        faults: list[Fault] = []
        try:
            for error in validator.iter_errors(value):
                if len(faults) == _MOST_FAULTS:
                    return [*faults, Fault("input", f"There is more: only {_MOST_FAULTS} faults are listed.")]
                faults.append(Fault(path_text(["input", *error.absolute_path]), said(error)))
        except (_TooMuch, RecursionError):
            faults.append(Fault("input", "The workflow's inputSchema takes too long to check."))
        except Unresolvable as error:
            faults.append(
                Fault("input", f"The workflow's inputSchema refers to {error.ref}, which is not there.")
            )
        return faults


def compile_schema(
    schema: Json, path: str = "inputSchema"
) -> tuple[InputSchema | None, list[Fault], list[Fault]]:
    """Check a schema itself; return it ready for use or None, all that is wrong with it, and warnings."""
    faults = faults_of(schema, path)
    return (None, faults, []) if faults else (InputSchema(schema), [], doubts_of(schema, path))


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


def _properties(
    validator: Any, wanted: dict[str, Json], instance: Json, _schema: Json
) -> Iterator[ValidationError]:
    """Check each member by its own schema; one that must not be there is told with its place."""
    for name in [name for name in wanted if name in instance] if isinstance(instance, dict) else ():
        if wanted[name] is False:
            yield ValidationError(NOTHING, path=[name])
        else:
            yield from validator.descend(instance[name], wanted[name], path=name, schema_path=name)


_CHECKS: dict[str, Check] = {
    **Draft202012Validator.VALIDATORS,
    "uniqueItems": _unique,
    "properties": _properties,
}
_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {word: _counted(check) for word, check in _CHECKS.items()}
)

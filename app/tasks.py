"""What a deployer needs to offer Python functions to workflows: `@task("name")` and what goes with it."""

import importlib
import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from app.errors import Fault
from app.settings import BadSetting

__all__ = ["NonRetryable", "TaskCancelled", "cancelled", "check_cancelled", "task"]

Json = Any
Kind = Any
Function = TypeVar("Function", bound=Callable[..., Any])

SCALARS: Mapping[Kind, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    NoneType: "null",
}


class NonRetryable(Exception):
    """Raise it in a task whose failure no other attempt would mend; the message becomes the step's error."""


class TaskCancelled(BaseException):
    """What `check_cancelled` raises; nobody waits for the task's result any more."""


class Unknown(Enum):
    """Stands for a value that is known only when the step runs."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
_given_up: ContextVar[threading.Event | None] = ContextVar("given_up", default=None)


def cancelled() -> bool:
    """Tell a plain function whether its step was cancelled or took too long, so that it may as well stop."""
    given_up = _given_up.get()
    return given_up is not None and given_up.is_set()


def check_cancelled() -> None:
    """Stop a plain function whose step was cancelled or took too long: raise TaskCancelled then."""
    if cancelled():
        raise TaskCancelled


def watch(given_up: threading.Event) -> None:
    """Let `cancelled` follow an event in the current context."""
    _given_up.set(given_up)


@dataclass(frozen=True, slots=True)
class Task:
    """A registered function; `others` is what its `**kwargs` take, None when it has none."""

    name: str
    function: Callable[..., Any]
    parameters: Mapping[str, Kind]
    required: tuple[str, ...]
    others: Kind | None

    @property
    def in_loop(self) -> bool:
        """Tell whether it is a coroutine function, which runs in the worker's event loop."""
        return inspect.iscoroutinefunction(self.function)

    def fit(self, given: Mapping[str, Json]) -> tuple[dict[str, Json], list[Fault]]:
        """Give the arguments as the function takes them, and what is wrong with them, by its path."""
        missing = (name for name in self.required if name not in given)
        faults = [Fault(name, f"Is missing: {self._wish(name)}.") for name in missing]
        fitting: dict[str, Json] = {}
        for name, value in given.items():
            kind = self.parameters.get(name, self.others)
            if kind is None:
                faults.append(Fault(name, f"{self.name} takes no such argument{self._instead(name)}."))
                continue
            try:
                fitting[name] = _fit(kind, value, name)
            except _Misfit as misfit:
                faults.append(misfit.fault)
        return fitting, faults

    def _wish(self, name: str) -> str:
        return f"{self.name} needs {_words(self.parameters[name])} here"

    def _instead(self, name: str) -> str:
        known = ", ".join(self.parameters)
        return near(name, self.parameters) or (f"; it takes {known}" if known else "; it takes none")


TASKS: dict[str, Task] = {}


def task(name: str) -> Callable[[Function], Function]:
    """Register a function, plain or async, as the task `name`; the function itself stays as it is.

    Its annotations say which JSON its arguments take: str, int, float, bool, list, dict, None, Literal,
    Any and unions of these, list[…] and dict[str, …]; without one an argument takes anything.

    Raises TypeError for a function that cannot be called with JSON.
    """

    def register(function: Function) -> Function:
        known = TASKS.get(name)
        if known is not None and _place(known.function) != _place(function):
            raise TypeError(f"two tasks are named {name!r}: {_place(known.function)} and {_place(function)}")
        TASKS[name] = _read(name, function)
        return function

    if not isinstance(name, str) or not name.strip():
        raise TypeError("a task needs a name: @task('send_invoice')")
    return register


def load(modules: Sequence[str]) -> None:
    """Import the modules that TASK_MODULES names; raise BadSetting for the first that cannot be."""
    for module in modules:
        try:
            importlib.import_module(module)
        except (Exception, SystemExit) as error:
            why = " ".join(f"{type(error).__name__}: {error}".split())
            raise BadSetting(f"TASK_MODULES names {module!r}, which cannot be imported: {why}") from error


def near(word: str, known: Mapping[str, object]) -> str:
    """Give ` (did you mean X?)`, or nothing when no known word is like it."""
    close = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""


def _read(name: str, function: Callable[..., Any]) -> Task:
    """Read a function's signature; raises TypeError for one that cannot be called with JSON."""
    hints = get_type_hints(function)
    parameters: dict[str, Kind] = {}
    required: list[str] = []
    others: Kind | None = None
    for parameter in inspect.signature(function).parameters.values():
        kind = hints.get(parameter.name, Any)
        _require_json(kind, f"the argument {parameter.name!r} of the task {name!r}")
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            raise TypeError(f"the task {name!r} must take its arguments by name, without * and /")
        if parameter.kind is parameter.VAR_KEYWORD:
            others = kind
            continue
        parameters[parameter.name] = kind
        if parameter.default is parameter.empty:
            required.append(parameter.name)
    return Task(name, function, parameters, tuple(required), others)


def _place(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _parts(kind: Kind) -> tuple[Any, tuple[Any, ...]]:
    """Take `list[int]` apart into `list` and `(int,)`."""
    return get_origin(kind), get_args(kind)


def _require_json(kind: Kind, what: str) -> None:
    """Refuse an annotation that no JSON value can be held against."""
    origin, inside = _parts(kind)
    if kind is Any or kind in SCALARS or origin is Literal:
        return
    known = origin in (Union, UnionType, list) or (origin is dict and inside[0] is str)
    if not known:
        raise TypeError(f"{what} is annotated {kind!r}: only JSON types can be checked; leave it out for any")
    for member in inside[1:] if origin is dict else inside:
        _require_json(member, what)


class _Misfit(Exception):
    def __init__(self, path: str, kind: Kind) -> None:
        self.fault = Fault(path, f"Must be {_words(kind)}.")


def _fit(kind: Kind, value: Json, path: str) -> Json:
    """Give a value as `kind`: 5.0 is a whole number and 5 a number, else nothing is turned into another."""
    origin, inside = _parts(kind)
    if kind is Any or value is UNKNOWN:
        return value
    if origin in (Union, UnionType):
        return _fit_any(kind, value, path)
    if origin is list and isinstance(value, list):
        return [_fit(inside[0], member, f"{path}[{number}]") for number, member in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        return {key: _fit(inside[1], member, f"{path}.{key}") for key, member in value.items()}
    if origin is Literal and any(value == word and type(value) is type(word) for word in inside):
        return value
    if origin is None and (fitting := _scalar(kind, value)) is not UNKNOWN:
        return fitting
    raise _Misfit(path, kind)


def _fit_any(kind: Kind, value: Json, path: str) -> Json:
    """Fit a value to the first member of a union that takes it as it is, else to one that turns it."""
    for exact in (True, False):
        for member in get_args(kind):
            try:
                fitting = _fit(member, value, path)
            except _Misfit:
                continue
            if not exact or type(fitting) is type(value):
                return fitting
    raise _Misfit(path, kind)


def _scalar(kind: type, value: Json) -> Json:
    """Give a value as a plain type, UNKNOWN when it is none of it."""
    if kind is bool or isinstance(value, bool):
        return value if kind is bool and isinstance(value, bool) else UNKNOWN
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind is float and isinstance(value, int):
        return float(value)
    return value if isinstance(value, kind) else UNKNOWN


def _words(kind: Kind) -> str:
    """Say in words which JSON a kind takes."""
    origin, inside = _parts(kind)
    if origin in (Union, UnionType):
        return " or ".join(_words(member) for member in inside)
    if origin is Literal:
        return "one of " + ", ".join(str(word) for word in inside)
    if origin is list:
        return f"a list whose members are each {_words(inside[0])}"
    if origin is dict:
        return f"an object whose values are each {_words(inside[1])}"
    return SCALARS.get(kind, "any JSON value")

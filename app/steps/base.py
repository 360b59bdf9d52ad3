"""The border between engine and step types: a `Call` goes in, an `Outcome` comes out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID

from marshmallow import Schema

from app import clock
from app.states import Reason

if TYPE_CHECKING:
    from app.steps.client import HttpClient

Json = Any


@dataclass(frozen=True, slots=True)
class Done:
    """The step completed with `output`; `note` is a remark that is kept as its error."""

    output: Json
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """The attempt failed and another could help; `after`: the seconds that the other side asked for."""

    error: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed and another would not help."""

    error: str
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """The step completes at a time."""

    until: datetime


@dataclass(frozen=True, slots=True)
class ForSignal:
    """The step completes with the payload of a signal, or fails after its limit."""


@dataclass(frozen=True, slots=True)
class Child:
    """The step starts a child execution; with `wait` it ends as the child does."""

    workflow_id: UUID
    input: Json
    wait: bool


Outcome = Done | Retry | Failed | Wait | ForSignal | Child


class RunCode(Protocol):
    """Runs the body of a JavaScript function in the sandbox; gives Done or Failed."""

    def __call__(self, source: str) -> Awaitable[Outcome]: ...


class Log(Protocol):
    """Takes one line for the step's log; `level` is `debug`, `info`, `warning` or `error`."""

    def __call__(self, level: str, message: str) -> None: ...


@dataclass(slots=True)
class Call:
    """One attempt of one step.

    `args` is the loaded `with`; `key` the idempotency key `<executionId>:<stepId>[:<index>]`, the same on
    each attempt; `secrets` the values of the secrets that the step names, by name; `now` the database's time;
    `mask` takes all secrets of the definition out of a text.
    """

    args: Any
    key: str
    client: "HttpClient"
    log: Log
    secrets: dict[str, str] = field(default_factory=dict)
    run_code: RunCode | None = None
    now: Callable[[], datetime] = clock.now
    mask: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class StepType:
    """What the engine knows of a step type.

    `effect` steps wait until all they depend on is committed and are coroutines; the others are plain
    functions, recomputed after a crash. `timeout` is the default for one attempt in seconds.
    """

    name: str
    schema: type[Schema]
    run: Callable[[Call], Outcome] | Callable[[Call], Awaitable[Outcome]]
    effect: bool
    timeout: float


STEP_TYPES: dict[str, StepType] = {}


Run = TypeVar("Run", bound=Callable[..., Any])


def step(name: str, *, schema: type[Schema], effect: bool, timeout: float) -> Callable[[Run], Run]:
    """Register a function as the step type `name`."""

    def register(run: Run) -> Run:
        STEP_TYPES[name] = StepType(name, schema, run, effect, timeout)
        return run

    return register

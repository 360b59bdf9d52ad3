"""Fields of a step that its type, or another field, leaves without effect: warnings; or in a wrong place."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.errors import Fault
from app.steps.arguments import keys_of
from app.steps.base import StepType
from app.steps.definition import RetrySchema, StepSchema

# By type: fields that every step may have but that do nothing there, and why.
_IDLE: Mapping[str, Mapping[str, str]] = {
    "wait": {
        "timeoutSeconds": "A wait step takes no notice of it: it lasts as its seconds or until say.",
        "retry": "A wait step is never tried again.",
    },
    "waitForSignal": {"retry": "A waitForSignal step is never tried again: give a longer timeoutSeconds."},
    "fail": {
        "timeoutSeconds": "A fail step ends at once.",
        "retry": "A fail step is never retried: it would end the same way.",
    },
    "code": {"retry": "A code step is never retried: it would end the same way."},
    "transform": {"retry": "A transform step is never retried: it would end the same way."},
}
NEVER_RETRIED = frozenset(kind for kind, fields in _IDLE.items() if "retry" in fields)
_LONGEST_PAUSE: float = RetrySchema().fields["max_backoff_seconds"].load_default


def idle_fields(step: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a warning for each field with no effect, or less than it looks; `given` names those written."""
    given, path, kind = step["given"], step["path"], step.get("type", "")
    for name, message in _IDLE.get(kind, {}).items():
        if name in given:
            yield Fault(f"{path}.{name}", message)
    if "forEachConcurrency" in given and "forEach" not in given:
        yield Fault(f"{path}.forEachConcurrency", "There are no items without forEach.")
    if kind == "workflow" and "timeoutSeconds" in given and _lets_go(step):
        yield Fault(f"{path}.timeoutSeconds", "With wait: false the step does not wait for the child.")
    if kind == "fail" and step["on_error"] == "continue":
        yield Fault(f"{path}.onError", "A fail step ends the execution as failed, whatever onError says.")
    if kind not in NEVER_RETRIED and _pause_is_cut(step.get("retry", {})):
        message = "backoffSeconds is more than maxBackoffSeconds, and no pause is longer than that."
        yield Fault(f"{path}.retry.backoffSeconds", message)


def misplaced_fields(step: Mapping[str, Any], kind: StepType) -> Iterator[Fault]:
    """Yield a fault for each field of the type that stands beside `with`, and of the step inside it."""
    path, own, common = step["path"], keys_of(kind.schema), keys_of(StepSchema)
    for name in sorted((step["given"] & own) - common):
        yield Fault(f"{path}.{name}", f"{name} is a field of {kind.name}: move it into with.")
    for name in sorted((step.get("args", {}).keys() & common) - own):
        yield Fault(
            f"{path}.with.{name}", f"{name} is a field of the step: move it out of with, beside type."
        )


def _lets_go(step: Mapping[str, Any]) -> bool:
    return step.get("args", {}).get("wait") is False


def _pause_is_cut(retry: Mapping[str, Any]) -> bool:
    longest: float = retry.get("max_backoff_seconds", _LONGEST_PAUSE)
    first: float = retry.get("backoff_seconds", 0.0)
    return first > longest

"""Definitions as people read them: members in the order of the documentation, what is short on one line."""

import json
from typing import Any

Json = Any
WIDTH = 88
TOP = ("inputSchema", "steps", "output", "timeoutSeconds", "onFailure")
STEP = (
    "id",
    "name",
    "type",
    "needs",
    "runOn",
    "if",
    "forEach",
    "forEachConcurrency",
    "with",
    "retry",
    "timeoutSeconds",
    "onError",
)
WITH = ("method", "url", "query", "headers", "auth")


def as_text(definition: Json) -> str:
    """Write a definition; a step has each of its members on a line."""
    return _object(ordered(definition), 0) if isinstance(definition, dict) else pretty(definition, 0)


def pretty(value: Json, indent: int = 0) -> str:
    """Write any value; what fits on a line stays on it. `indent` is where its first line begins."""
    flat = _flat(value)
    if len(flat) + indent <= WIDTH or not isinstance(value, dict | list):
        return flat
    inside = indent + 2
    if isinstance(value, dict):
        members = [f"{_flat(name)}: {pretty(member, inside)}" for name, member in value.items()]
        return _block("{", members, "}", indent)
    return _block("[", [pretty(item, inside) for item in value], "]", indent)


def ordered(definition: dict[str, Json]) -> dict[str, Json]:
    """Put the members that the language knows in the order of the documentation, others behind them."""
    top = _sorted(definition, TOP)
    if isinstance(top.get("steps"), list):
        top["steps"] = [_step(step) for step in top["steps"]]
    return top


def _step(step: Json) -> Json:
    if not isinstance(step, dict):
        return step
    found = _sorted(step, STEP)
    if isinstance(found.get("with"), dict):
        found["with"] = _sorted(found["with"], WITH)
    return found


def _sorted(members: dict[str, Json], known: tuple[str, ...]) -> dict[str, Json]:
    first = {name: members[name] for name in known if name in members}
    return first | members


def _object(definition: dict[str, Json], indent: int) -> str:
    """Write the definition itself or a step, never on one line."""
    inside = indent + 2
    members = []
    for name, value in definition.items():
        write = _steps if name == "steps" and not indent else pretty
        members.append(f"{_flat(name)}: {write(value, inside)}")
    return _block("{", members, "}", indent)


def _steps(steps: Json, indent: int) -> str:
    if not isinstance(steps, list):
        return pretty(steps, indent)
    inside = indent + 2
    written = [_object(step, inside) if isinstance(step, dict) else pretty(step, inside) for step in steps]
    return _block("[", written, "]", indent)


def _block(start: str, parts: list[str], end: str, indent: int) -> str:
    if not parts:
        return start + end
    inner = ",\n".join(" " * (indent + 2) + part for part in parts)
    return f"{start}\n{inner}\n{' ' * indent}{end}"


def _flat(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)

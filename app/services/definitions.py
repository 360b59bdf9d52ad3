"""Definitions as they are saved: checked by the engine, with warnings about what the workspace lacks."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from app import strictjson
from app.engine.graph import compile_graph
from app.errors import Fault, InvalidDefinition

REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of a valid definition: warnings of its own, and the secrets that it names."""

    own_warnings: tuple[Fault, ...]
    secret_names: frozenset[str]

    def warnings(self, secrets: set[str]) -> list[Fault]:
        """List all warnings, given the names of the secrets that exist."""
        missing = [
            Fault("", f"There is no secret {name} yet: steps that use it will fail until it is set.")
            for name in sorted(self.secret_names - secrets)
        ]
        return [*self.own_warnings, *missing]


def check(definition: Any) -> Checked:
    """Check a definition as it came; raise InvalidDefinition with paths that start at the definition."""
    graph = compile_graph(definition)
    return Checked(tuple(graph.warnings), graph.secrets)


@lru_cache(maxsize=REMEMBERED)
def checked(workflow_id: UUID, version: int, stored: str) -> Checked:
    """Check a stored version, once: it never changes. What newer rules refuse becomes a warning."""
    try:
        return check(strictjson.loads_stored(stored))
    except InvalidDefinition as error:
        return Checked(tuple(error.faults), frozenset())

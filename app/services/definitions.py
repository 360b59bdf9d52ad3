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
    """What is known of a valid definition: warnings of its own, and what it names of its workspace.

    Secrets by name and workflows by id, each with the place where it is named.
    """

    own_warnings: tuple[Fault, ...]
    secrets: tuple[tuple[str, str], ...] = ()
    workflows: tuple[tuple[str, UUID], ...] = ()

    @property
    def workflow_ids(self) -> set[UUID]:
        """The ids of all workflows that it names."""
        return {workflow_id for _, workflow_id in self.workflows}

    def warnings(self, secrets: set[str], workflows: set[UUID]) -> list[Fault]:
        """List all warnings, given which secrets and workflows of the workspace exist."""
        missing = [
            Fault(path, f"There is no secret {name} yet: steps that use it will fail until it is set.")
            for path, name in dict.fromkeys(self.secrets)
            if name not in secrets
        ]
        unknown = [
            Fault(path, f"There is no workflow {workflow_id} in this workspace{_until(path)}")
            for path, workflow_id in self.workflows
            if workflow_id not in workflows
        ]
        return [*self.own_warnings, *missing, *unknown]


def check(definition: Any) -> Checked:
    """Check a definition as it came; raise InvalidDefinition with paths that start at the definition."""
    graph = compile_graph(definition)
    return Checked(tuple(graph.warnings), graph.secret_places, graph.workflows)


@lru_cache(maxsize=REMEMBERED)
def checked(workflow_id: UUID, version: int, stored: str) -> Checked:
    """Check a stored version, once: it never changes. What newer rules refuse becomes a warning."""
    try:
        return check(strictjson.loads_stored(stored))
    except InvalidDefinition as error:
        return Checked(tuple(error.faults))


def _until(path: str) -> str:
    what = "nothing will be started" if path.startswith("onFailure") else "the step will fail"
    return f": {what} until there is."

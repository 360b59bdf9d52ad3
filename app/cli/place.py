"""The options that say where: a workspace, maybe one of its spaces."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

import click

from app.services import names
from app.services.scope import Scope
from app.states import Role

Command = TypeVar("Command", bound=Callable[..., Any])


def in_place(command: Command) -> Callable[..., Any]:
    """Give a command the options `--workspace` and `--space`, and call it with the `scope` they name."""

    @click.option("--workspace", metavar="ID|NAME", help="May be left out when there is only one.")
    @click.option("--space", metavar="ID|NAME", help="Left out: all spaces.")
    @wraps(command)
    def with_scope(*args: Any, workspace: str | None, space: str | None, **options: Any) -> Any:
        return command(*args, scope=_scope(workspace, space, options.get("execution_id")), **options)

    return with_scope


def _scope(workspace: str | None, space: str | None, execution_id: UUID | None) -> Scope:
    """Read the place; an execution's id alone tells its workspace."""
    if workspace is None and execution_id is not None:
        workspace_id = names.workspace_of(execution_id)
    else:
        workspace_id = names.workspace(workspace)
    space_id = None if space is None else names.space(workspace_id, space)
    return Scope(workspace_id, Role.ADMIN, space_id)

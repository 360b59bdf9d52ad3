"""`flask --app wsgi executions …`"""

import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import orjson

from app.cli import watching
from app.cli.execution_tables import print_execution, print_executions
from app.cli.noun import Noun
from app.cli.output import as_json, plain, print_json
from app.cli.place import in_place
from app.errors import DatabaseUnavailable
from app.schemas import command_line
from app.services import execution_views, names, retries
from app.services import executions as service
from app.services.orders import TriggerRequest
from app.services.retries import RetryOptions
from app.services.scope import Scope
from app.states import FINAL, Status, TriggeredBy
from app.store.execution_filters import Filters
from app.store.execution_forms import Form

LOOK_SECONDS = 60.0
PAGE = 200

executions = Noun("executions", help="Start, list, watch, cancel and retry executions.")
execution_argument = click.argument("execution_id", metavar="ID", type=click.UUID)


def _statuses(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> frozenset[Status]:
    """Read statuses, each maybe a comma list."""
    words = [word.strip() for value in values for word in value.split(",")]
    if unknown := [word for word in words if word not in set(Status)]:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(Status)}.")
    return frozenset(Status(word) for word in words)


def _input(_ctx: click.Context, _param: click.Parameter, value: str) -> Any:
    """Read an input: JSON itself, `@file`, or `-` for standard input."""
    if value == "-":
        return command_line.execution_input(sys.stdin.buffer.read())
    if not value.startswith("@"):
        return command_line.execution_input(value.encode("utf-8", "surrogateescape"))
    try:
        return command_line.execution_input(Path(value[1:]).read_bytes())
    except OSError as error:
        raise click.BadParameter(f"{value[1:]} cannot be read: {error.strerror}.") from error


def _at_its_end(scope: Scope, shown: Form) -> Form:
    """Wait for the end of an execution; who gives up, or has no database for too long, hears its id."""
    execution_id = UUID(shown["id"])
    try:
        while shown["status"] not in FINAL:
            service.wait_until_finished(scope, execution_id, LOOK_SECONDS)
            shown = execution_views.one(scope, execution_id)
    except (DatabaseUnavailable, KeyboardInterrupt):
        click.echo(f"The execution {execution_id} was started and goes on.", err=True)
        raise
    return shown


@executions.command("list")
@in_place
@click.option("--status", "statuses", multiple=True, callback=_statuses, help="Repeatable, or a comma list.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@as_json
def list_executions(scope: Scope, statuses: frozenset[Status], limit: int, as_json: bool) -> None:
    """List executions, newest first."""
    found = _newest(scope, Filters(statuses=statuses), limit)
    (print_json if as_json else print_executions)(found)


@executions.command()
@execution_argument
@in_place
@as_json
def show(scope: Scope, execution_id: UUID, as_json: bool) -> None:
    """Show an execution with its steps."""
    (print_json if as_json else print_execution)(execution_views.detail(scope, execution_id))


@executions.command()
@click.argument("workflow")
@in_place
@click.option(
    "--input",
    "given",
    metavar="JSON|@FILE|-",
    default="{}",
    callback=_input,
    help="Any JSON; left out: {}.",
)
@click.option("--wait", is_flag=True, help="Wait for the end; exit code 1 unless it completed.")
@as_json
def trigger(scope: Scope, workflow: str, given: Any, wait: bool, as_json: bool) -> None:
    """Start an execution of WORKFLOW (an id or a unique name)."""
    request = TriggerRequest(names.workflow(scope, workflow), given, TriggeredBy.MANUAL)
    made = service.trigger(scope, request)
    service.sender().close()
    [shown] = execution_views.accepted(scope, made, [request])
    if wait:
        shown = _at_its_end(scope, shown)
    (print_json if as_json else print_execution)(shown)
    if wait and shown["status"] != Status.COMPLETED:
        sys.exit(1)


@executions.command()
@execution_argument
@in_place
@click.option("--reason", metavar="TEXT", help="A sentence for people, kept as the execution's error.")
@as_json
def cancel(scope: Scope, execution_id: UUID, reason: str | None, as_json: bool) -> None:
    """Cancel an execution that has not ended."""
    shown = service.cancel(scope, execution_id, command_line.cancel_reason(reason))
    service.sender().close()
    if as_json:
        print_json(shown)
    else:
        is_settled = shown["status"] == Status.CANCELLED
        click.echo("cancelled" if is_settled else "cancelling: its worker is stopping it")


def _edited(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[bool, Any]:
    """Read an edited input; left out there is none, which null is not."""
    return (False, None) if value is None else (True, _input(ctx, param, value))


@executions.command()
@execution_argument
@in_place
@click.option("--from", "begin", metavar="start|failed|STEP", default=retries.START, show_default=True)
@click.option("--latest", is_flag=True, help="In the workflow's current version, not in that of before.")
@click.option(
    "--input", "given", metavar="JSON|@FILE|-", callback=_edited, help="Left out: the same as before."
)
@as_json
def retry(
    scope: Scope, execution_id: UUID, begin: str, latest: bool, given: tuple[bool, Any], as_json: bool
) -> None:
    """Run a finished execution again; steps that need not run twice are taken over."""
    edited, value = given
    made, request = retries.retry(scope, execution_id, RetryOptions(begin, value, edited, latest))
    service.sender().close()
    [shown] = execution_views.accepted(scope, made, [request])
    (print_json if as_json else print_execution)(shown)


@executions.command()
@execution_argument
@in_place
@as_json
def watch(scope: Scope, execution_id: UUID, as_json: bool) -> None:
    """Print each change until the execution has ended; exit code 1 unless it completed.

    With --json one object a line: {"event": "execution" | "step", "data": …}.
    """
    status = ""
    for change in watching.changes(scope, execution_id):
        text = orjson.dumps(change._asdict()).decode() if as_json else plain(watching.line(change))
        click.echo(text)
        status = change.data["status"]
    if status != Status.COMPLETED:
        sys.exit(1)


def _newest(scope: Scope, filters: Filters, limit: int) -> list[dict[str, Any]]:
    """Collect pages until there are `limit`: a page may be short while the list goes on."""
    found: list[dict[str, Any]] = []
    cursor = None
    while len(found) < limit:
        page = execution_views.listed(scope, filters, cursor, min(limit - len(found), PAGE))
        found += page.data
        cursor = page.next_cursor
        if cursor is None:
            break
    return found

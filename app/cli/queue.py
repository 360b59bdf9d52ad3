"""`flask --app wsgi queue …`"""

import logging
import math
import sys
from typing import Any

import click

from app.cli.draining_progress import Progress
from app.cli.noun import Noun
from app.cli.output import as_json, plain, print_fields, print_json
from app.clock import rfc3339
from app.services import draining, names, queues
from app.services.draining import Outcome
from app.services.scope import Scope
from app.states import Role
from app.store.queue_counts import Counts

NAMED = 10
RESUME = "resume it with flask --app wsgi queue resume"
FAILURES = {
    Outcome.PAUSED: f"The queue is paused: {RESUME}",
    Outcome.SUSPENDED: "The workers are suspended by rq suspend: let them go on with rq resume",
    Outcome.TIMED_OUT: "Time is up before the queue is empty: give it more with --timeout, or none",
    Outcome.STOPPED: "Stopped before the queue was empty",
}
REASONS = {
    "delayed": "is delayed until {until}",
    "waiting": "waits until {until}",
    "buffered": "waits for the execution before it, of the same schedule",
}

queue = Noun("queue", help="Look at the queue of the whole installation, and work it.")


@queue.command()
@as_json
def status(as_json: bool) -> None:
    """Show what is in the queue and who works at it.

    pending = queued (may start now), held (by a quota), delayed and held back by a schedule; running
    includes waiting. The oldest pending one is queued or held; workers is null while Redis is away.
    """
    found = queues.status()
    shown = _form(found.counts, found.workers)
    if as_json:
        print_json(shown)
    else:
        print_fields({name: _for_people(value) for name, value in shown.items()})


def _seconds(_ctx: click.Context, _param: click.Parameter, value: float | None) -> float | None:
    """Refuse nan, which lies in every range and never passes."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is no number of seconds.")
    return value


@queue.command()
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    metavar="S",
    callback=_seconds,
    help="Give up after this many seconds.",
)
def drain(timeout: float | None) -> None:
    """Work the queue empty in this process, beside other workers too.

    Exit code 0 when nothing is left to do now; what is delayed or waiting is named and left. 1 on time-out or
    when the queue is paused.
    """
    logging.getLogger("app").setLevel(logging.WARNING)
    with Progress() as progress:
        outcome = draining.drain(timeout, progress.tell)
    if outcome is not Outcome.DRAINED:
        raise click.ClickException(f"{FAILURES[outcome]}; {progress.left} left.")
    click.echo(f"drained: {progress.done} done, nothing left to do now")
    _name_those_set_aside(progress.counts)


@queue.command()
def pause() -> None:
    """Start no more executions in the whole installation until `queue resume`; what has begun goes on."""
    queues.pause()
    click.echo(f"paused: {RESUME}")


@queue.command()
def resume() -> None:
    """Let the workers of the whole installation go on."""
    queues.resume()
    if queues.suspended_by_others():
        raise click.ClickException(FAILURES[Outcome.SUSPENDED])
    click.echo("resumed")


@queue.command()
@click.argument("workspace")
@click.option("--yes", is_flag=True, help="Do not ask, on a terminal either.")
@as_json
def purge(workspace: str, yes: bool, as_json: bool) -> None:
    """Cancel all that is pending in WORKSPACE (an id or a unique name), delayed and held ones too.

    What runs goes on. On a terminal it asks first.
    """
    scope = Scope(names.workspace(workspace), Role.ADMIN)
    if not yes and sys.stdin.isatty():
        click.confirm(f"Cancel {queues.pending_of(scope)} pending executions of {workspace}?", abort=True)
    cancelled = queues.purge(scope)
    if as_json:
        print_json({"cancelled": cancelled})
    else:
        click.echo(f"cancelled {cancelled} pending executions")


def _form(counts: Counts, workers: int | None) -> dict[str, Any]:
    return {
        "pending": counts.pending,
        "queued": counts.queued,
        "held": counts.held,
        "running": counts.running,
        "waiting": counts.waiting,
        "workers": workers,
        "oldestPendingSeconds": _rounded(counts.oldest_pending_seconds),
        "paused": counts.paused,
        "lastTickSeconds": _rounded(counts.last_tick_seconds),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(max(seconds, 0), 3)


def _for_people(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def _name_those_set_aside(counts: Counts | None) -> None:
    """Say what is left for later, the next due first."""
    if counts is None or not (total := counts.delayed + counts.waiting + counts.buffered):
        return
    click.echo(
        f"left for later: {counts.delayed} delayed, {counts.waiting} waiting, {counts.buffered} held back"
    )
    for row in queues.set_aside(NAMED):
        reason = REASONS[row.why].format(until=rfc3339(row.until) or "a signal or its child comes")
        click.echo(plain(f"  {row.id} ({row.workflow_name}) {reason}"))
    if total > NAMED:
        click.echo(f"  and {total - NAMED} more")

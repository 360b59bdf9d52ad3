"""Executions of a space: the list."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from app.clock import now, rfc3339
from app.errors import ValidationFailed
from app.services import bulk, execution_lists, execution_views, queues
from app.services.paging import Page
from app.states import ACTIVE, Reason, Role, Status
from app.web import list_chips, list_rows
from app.web.list_query import PERIODS, ROWS, ListQuery, parse
from app.web.outcome_chart import chart
from app.web.pages import needs, visit

blp = Blueprint("executions", __name__, url_prefix="/spaces/<uuid:space_id>/executions")
CHOICES = 200
MOST_BULK = 5
NOTHING: Page[dict[str, Any]] = Page([], None)


@blp.get("")
@needs(Role.VIEWER)
def index() -> BaseResponse:
    """Show the executions, newest first, as the address filters them."""
    query = parse(f"{_place()}/executions", request.args)
    if query.after is not None:
        cursor = execution_lists.newer(visit().scope, query.filters, query.after, ROWS)
        return redirect(query.page(cursor=cursor) if cursor else query.link(), 303)
    try:
        found = NOTHING if query.faults else _found(query)
    except ValidationFailed:
        return redirect(query.link(), 303)  # a cursor of other filters
    return Response(_page(query, found), 422 if query.faults else 200, mimetype="text/html")


@blp.get("/overview")
@needs(Role.VIEWER)
def overview() -> str:
    """Show what stands above the list, for the script that keeps it up to date."""
    query = parse(f"{_place()}/executions", request.args)
    return render_template("executions/overview.html", **_overview(query, request.args.getlist("waiting")))


def _found(query: ListQuery) -> Page[dict[str, Any]]:
    return execution_views.listed(visit().scope, query.filters, query.cursor, ROWS)


def _page(query: ListQuery, found: Page[dict[str, Any]]) -> str:
    scope = visit().scope
    ended = [row["id"] for row in found.data if row["status"] in (Status.FAILED, Status.CANCELLED)]
    workflows = execution_lists.workflows(scope, CHOICES)
    return render_template(
        "executions/index.html",
        rows=list_rows.rows(found.data, _place(), execution_lists.ended_steps(scope, ended)),
        next_cursor=found.next_cursor,
        chips=list_chips.chips(scope, query, workflows),
        workflows=workflows,
        to_run=next((workflow for workflow in workflows if workflow.enabled), None),
        periods=PERIODS,
        origin=request.host_url.rstrip("/"),
        for_script=_for_script(query, found.next_cursor),
        **_overview(query, [row["reason"] for row in found.data if row["status"] == Status.PENDING]),
    )


def _overview(query: ListQuery, waiting: Sequence[str]) -> dict[str, Any]:
    """Give what stands above the list; `waiting` says why what is pending is.

    Workers are counted only while something waits for one.
    """
    drawn = None if query.faults else chart(execution_lists.outcomes(visit().scope, query.filters))
    no_worker = Reason.QUEUED in waiting and queues.workers() == 0
    return {"chart": drawn, "query": query, "no_worker": no_worker, "paused": Reason.PAUSED in waiting}


def _for_script(query: ListQuery, next_cursor: str | None) -> dict[str, Any]:
    """Give the scripts what they need to ask the API for the same list."""
    return {
        "filters": dict(query.sent),
        "cursor": query.cursor,
        "goesOn": next_cursor is not None,
        "at": rfc3339(now()),
        "active": sorted(status.value for status in ACTIVE),
        "bulk": bulk.running(visit().scope, MOST_BULK) if visit().may(Role.OPERATOR) else [],
    }


def _place() -> str:
    return f"/spaces/{visit().scope.space_id}"

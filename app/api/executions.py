"""Executions: started in a space; listed, read and cancelled there and over the whole workspace."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar
from uuid import UUID

from flask import Response, request

from app.api.auth import current_scope, needs
from app.api.body import Blueprint
from app.api.reply import json_reply, page_reply
from app.api.request_headers import idempotency_key, wait_seconds
from app.errors import DatabaseUnavailable
from app.schemas.execution_forms import (
    BatchOut,
    ExecutionDetailOut,
    ExecutionOut,
    ExecutionPage,
    ItemPage,
    LogPage,
    StepOut,
)
from app.schemas.executions import (
    BatchIn,
    CancelIn,
    ExecutionsQuery,
    ListQuery,
    Retry,
    RetryIn,
    SignalIn,
    TriggerIn,
    Triggers,
)
from app.schemas.paging import PageQuery
from app.services import execution_views, executions, retries, signals
from app.services.scope import Scope
from app.states import FINAL, Role, Status, TriggeredBy

View = TypeVar("View", bound=Callable[..., Any])

in_space = Blueprint(
    "executions",
    __name__,
    url_prefix="/workspaces/<uuid:workspace_id>/spaces/<uuid:space_id>/executions",
    description="Runs of the workflows of a space.",
)
in_workspace = Blueprint(
    "workspace executions",
    __name__,
    url_prefix="/workspaces/<uuid:workspace_id>/executions",
    description="The same over all spaces, and what deleted ones left.",
)


def in_both(rule: str, method: str = "GET") -> Callable[[View], View]:
    """Register one view under a space and under its workspace."""

    def register(view: View) -> View:
        for blueprint in (in_space, in_workspace):
            blueprint.route(rule, methods=[method])(view)
        return view

    return register


@in_both("")
@needs(Role.VIEWER)
@in_space.arguments(ExecutionsQuery, location="query")
@in_space.response(200, ExecutionPage)
def list_executions(query: ListQuery) -> Response:
    """List executions, newest first."""
    return page_reply(execution_views.listed(current_scope(), query.filters, query.cursor, query.limit))


@in_space.route("", methods=["POST"])
@needs(Role.OPERATOR)
@in_space.arguments(TriggerIn)
@in_space.response(202, ExecutionOut)
@in_space.alt_response(200, schema=ExecutionOut, description="With `Prefer: wait=N`: it has ended.")
def trigger(wanted: Triggers) -> Response:
    """Start an execution; with `Prefer: wait=N` wait up to N seconds for its end."""
    scope, wait = current_scope(), wait_seconds()
    requests = wanted.requests(_source(scope))
    made = executions.trigger(scope, requests[0], idempotency_key(wanted.key), wanted.body)
    execution_id = made.execution_ids[0]
    headers = {"Location": f"{request.path}/{execution_id}"} | _replay_header(made.replayed)
    [shown] = execution_views.accepted(scope, made, requests)
    if wait is None:
        return json_reply(shown, 202, headers)
    whole = Scope(scope.workspace_id, scope.role)
    if executions.wait_until_finished(whole, execution_id, wait) is not None:
        headers["Preference-Applied"] = f"wait={wait}"
    with suppress(DatabaseUnavailable):  # what was accepted is, whether or not it can be read now
        shown = execution_views.one(whole, execution_id)
    return json_reply(shown, 200 if shown["status"] in FINAL else 202, headers)


@in_space.route("/batch", methods=["POST"])
@needs(Role.OPERATOR)
@in_space.arguments(BatchIn)
@in_space.response(202, BatchOut)
def trigger_batch(wanted: Triggers) -> Response:
    """Start up to 1,000 executions, all or none."""
    scope = current_scope()
    requests = wanted.requests(_source(scope))
    made = executions.trigger_batch(scope, requests, idempotency_key(wanted.key), wanted.body)
    shown = execution_views.accepted(scope, made, requests)
    return json_reply({"data": shown}, 202, _replay_header(made.replayed))


@in_both("/<uuid:execution_id>")
@needs(Role.VIEWER)
@in_space.response(200, ExecutionDetailOut)
def show(execution_id: UUID) -> Response:
    """Show an execution with its steps."""
    return json_reply(execution_views.detail(current_scope(), execution_id))


@in_both("/<uuid:execution_id>/steps/<step_id>")
@needs(Role.VIEWER)
@in_space.response(200, StepOut)
def show_step(execution_id: UUID, step_id: str) -> Response:
    """Show one step whole, however long its input and output are."""
    return json_reply(execution_views.step(current_scope(), execution_id, step_id))


@in_both("/<uuid:execution_id>/steps/<step_id>/items")
@needs(Role.VIEWER)
@in_space.arguments(PageQuery, location="query")
@in_space.response(200, ItemPage)
def list_items(query: dict[str, Any], execution_id: UUID, step_id: str) -> Response:
    """List the items of a forEach."""
    return page_reply(execution_views.items(current_scope(), execution_id, step_id, **query))


@in_both("/<uuid:execution_id>/steps/<step_id>/logs")
@needs(Role.VIEWER)
@in_space.arguments(PageQuery, location="query")
@in_space.response(200, LogPage)
def list_logs(query: dict[str, Any], execution_id: UUID, step_id: str) -> Response:
    """List the log lines of a step."""
    return page_reply(execution_views.logs(current_scope(), execution_id, step_id, **query))


@in_both("/<uuid:execution_id>/cancel", "POST")
@needs(Role.OPERATOR)
@in_space.arguments(CancelIn)
@in_space.response(200, ExecutionOut)
@in_space.alt_response(202, schema=ExecutionOut, description="Its worker is stopping it.")
def cancel(options: dict[str, Any], execution_id: UUID) -> Response:
    """Cancel an execution that has not ended."""
    shown = executions.cancel(current_scope(), execution_id, options["reason"])
    return json_reply(shown, 200 if shown["status"] == Status.CANCELLED else 202)


@in_both("/<uuid:execution_id>/retry", "POST")
@needs(Role.OPERATOR)
@in_space.arguments(RetryIn)
@in_space.response(202, ExecutionOut)
def retry(wanted: Retry, execution_id: UUID) -> Response:
    """Run a finished execution again, as a new one that takes over the steps that need not run twice."""
    scope, key = current_scope(), idempotency_key(wanted.key)
    made, again = retries.retry(scope, execution_id, wanted.options, key, wanted.body)
    [shown] = execution_views.accepted(scope, made, [again])
    place = request.path.removesuffix(f"{execution_id}/retry")
    return json_reply(shown, 202, {"Location": place + shown["id"]} | _replay_header(made.replayed))


@in_both("/<uuid:execution_id>/signals/<step_id>", "POST")
@needs(Role.OPERATOR)
@in_space.arguments(SignalIn)
@in_space.response(202, ExecutionOut)
def signal(given: dict[str, Any], execution_id: UUID, step_id: str) -> Response:
    """Send a step of type `waitForSignal` what it waits for."""
    signals.signal(current_scope(), execution_id, step_id, given["payload"])
    return json_reply(execution_views.one(current_scope(), execution_id), 202)


def _source(scope: Scope) -> TriggeredBy:
    return TriggeredBy.MANUAL if scope.browser else TriggeredBy.API


def _replay_header(replayed: bool) -> dict[str, str]:
    return {"Idempotency-Replayed": "true"} if replayed else {}

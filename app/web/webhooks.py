"""Webhooks of a space: the list, and one with its address, a sample call and its deliveries."""

from uuid import UUID

from flask import Blueprint, Response, render_template, request

from app import strictjson
from app.services import overview, webhooks
from app.services.signatures import ALGORITHMS, ENCODINGS
from app.states import Role
from app.web.curl_samples import sample
from app.web.pages import needs, visit

blp = Blueprint("webhooks", __name__, url_prefix="/spaces/<uuid:space_id>/webhooks")
SHOWN = 25
SCHEMES = {
    "none": "None: who knows the URL may call",
    "standard": "Standard Webhooks",
    "github": "GitHub (X-Hub-Signature-256)",
    "stripe": "Stripe",
    "slack": "Slack",
    "bearer": "Bearer token",
    "basic": "Basic: user name and password",
    "hmac": "HMAC: of the body, in a header of your choice",
}
RESPONSES = {
    "accepted": "At once: 202 with the id of the execution",
    "result": "When it has ended, at most after 25 s: its output",
}
OUTCOMES = {
    "accepted": {"label": "Accepted", "icon": "check", "look": "completed"},
    "duplicate": {"label": "Duplicate", "icon": "copy", "look": "skipped"},
    "rejected": {"label": "Rejected", "icon": "alert", "look": "failed"},
}
REASONS = {
    "bad_signature": "The signature is missing or wrong.",
    "disabled": "The webhook is disabled.",
    "redelivered": "Somebody delivered it again.",
    "workflow_disabled": "The workflow is disabled.",
    "daily_limit": "The workspace had all its executions of the day.",
    "too_many_pending": "Too many executions are pending.",
    "validation_failed": "The input does not fit the workflow's inputSchema.",
    "malformed_json": "The body is not JSON, though it says so.",
}
WORDS = {
    "schemes": SCHEMES,
    "responses": RESPONSES,
    "outcomes": OUTCOMES,
    "reasons": REASONS,
    "algorithms": ALGORITHMS,
    "encodings": ENCODINGS,
}


@blp.get("")
@needs(Role.VIEWER)
def index() -> str:
    """List the webhooks, newest first."""
    found = webhooks.page(visit().scope, request.args.get("cursor"), SHOWN)
    names = overview.names(visit().scope, [webhook["workflow_id"] for webhook in found.data])
    return render_template("webhooks/index.html", webhooks=found, names=names, **WORDS)


@blp.get("/new")
@needs(Role.EDITOR)
def new() -> str:
    """Show the form for a new webhook; `workflowId` chooses its workflow."""
    choices = overview.choices(visit().scope)
    chosen = request.args.get("workflowId")
    return render_template("webhooks/new.html", webhook=None, choices=choices, chosen=chosen, **WORDS)


@blp.get("/<uuid:webhook_id>")
@needs(Role.VIEWER)
def show(webhook_id: UUID) -> str:
    """Show one webhook: its address, a sample call, its form, its deliveries."""
    scope = visit().scope
    webhook = webhooks.show(scope, webhook_id)
    workflow_id = webhook["workflow_id"]
    return render_template(
        "webhooks/show.html",
        webhook=webhook,
        sample=sample(webhook["id"], webhook["verification"]),
        choices=overview.choices(scope) | overview.names(scope, [workflow_id]),
        chosen=str(workflow_id),
        deliveries=webhooks.deliveries(scope, webhook_id, request.args.get("cursor"), SHOWN),
        **WORDS,
    )


@blp.get("/<uuid:webhook_id>/deliveries")
@needs(Role.VIEWER)
def newest_deliveries(webhook_id: UUID) -> Response:
    """Tell the script of a webhook's page which deliveries are the newest: at most as many as that shows."""
    newest = webhooks.newest_deliveries(visit().scope, webhook_id, SHOWN)
    told = [row | {"id": str(row["id"])} for row in newest]
    return Response(strictjson.dumps({"newest": told, "most": SHOWN}), mimetype="application/json")

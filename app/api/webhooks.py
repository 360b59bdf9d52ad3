"""Webhooks and the record of their deliveries."""

import re
from typing import Any
from uuid import UUID

from flask import request

from app.api.auth import current_scope, needs
from app.api.body import Blueprint
from app.schemas.paging import PageQuery
from app.schemas.webhooks import (
    DeliveryOut,
    DeliveryPage,
    NewSecretOut,
    RedeliverIn,
    RotateIn,
    StartedOut,
    WebhookChanges,
    WebhookIn,
    WebhookOut,
    WebhookPage,
)
from app.services import inbound, webhooks
from app.services.paging import Page
from app.states import Role

blp = Blueprint(
    "webhooks",
    __name__,
    url_prefix="/workspaces/<uuid:workspace_id>/spaces/<uuid:space_id>/webhooks",
    description="Addresses at which the outside starts workflows",
)
_HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}(?::\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?")


@blp.route("")
@needs(Role.VIEWER)
@blp.arguments(PageQuery, location="query")
@blp.response(200, WebhookPage)
def index(query: dict[str, Any]) -> Any:
    """List webhooks, newest first."""
    page = webhooks.page(current_scope(), query["cursor"], query["limit"])
    return Page([_with_url(webhook) for webhook in page.data], page.next_cursor)


@blp.route("", methods=["POST"])
@needs(Role.EDITOR)
@blp.arguments(WebhookIn)
@blp.response(201, WebhookOut)
def create(body: dict[str, Any]) -> Any:
    """Make a webhook; `secret` is shown this one time."""
    made = _with_url(webhooks.create(current_scope(), body))
    return made, {"Location": f"{request.path.rstrip('/')}/{made['id']}"}


@blp.route("/<uuid:webhook_id>")
@needs(Role.VIEWER)
@blp.response(200, WebhookOut)
def show(webhook_id: UUID) -> Any:
    """Read one webhook."""
    return _with_url(webhooks.show(current_scope(), webhook_id))


@blp.route("/<uuid:webhook_id>", methods=["PATCH"])
@needs(Role.EDITOR)
@blp.arguments(WebhookChanges)
@blp.response(200, WebhookOut)
def change(body: dict[str, Any], webhook_id: UUID) -> Any:
    """Change what is named; with another scheme the answer has a new `secret`, once."""
    return _with_url(webhooks.change(current_scope(), webhook_id, body))


@blp.route("/<uuid:webhook_id>", methods=["DELETE"])
@needs(Role.EDITOR)
@blp.response(204)
def delete(webhook_id: UUID) -> None:
    """Delete a webhook with its deliveries; its executions stay."""
    webhooks.delete(current_scope(), webhook_id)


@blp.route("/<uuid:webhook_id>/rotate", methods=["POST"])
@needs(Role.EDITOR)
@blp.arguments(RotateIn)
@blp.response(200, NewSecretOut)
def rotate(body: dict[str, Any], webhook_id: UUID) -> Any:
    """Give a webhook a new secret; the old one stays good for `keepOldSeconds`."""
    secret = webhooks.rotate(current_scope(), webhook_id, body.get("secret"), body["keep_old_seconds"])
    return {"secret": secret}


@blp.route("/<uuid:webhook_id>/deliveries")
@needs(Role.VIEWER)
@blp.arguments(PageQuery, location="query")
@blp.response(200, DeliveryPage)
def deliveries(query: dict[str, Any], webhook_id: UUID) -> Any:
    """List the deliveries of the last 7 days, newest first, refused ones too."""
    return webhooks.deliveries(current_scope(), webhook_id, query["cursor"], query["limit"])


@blp.route("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>")
@needs(Role.VIEWER)
@blp.response(200, DeliveryOut)
def delivery(webhook_id: UUID, delivery_id: UUID) -> Any:
    """Read one delivery."""
    return webhooks.delivery(current_scope(), webhook_id, delivery_id)


@blp.route("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/redeliver", methods=["POST"])
@needs(Role.OPERATOR)
@blp.arguments(RedeliverIn)
@blp.response(202, StartedOut)
def redeliver(_body: dict[str, Any], webhook_id: UUID, delivery_id: UUID) -> Any:
    """Start a new execution with what an accepted delivery brought."""
    return {"execution_id": inbound.redeliver(current_scope(), webhook_id, delivery_id)}


def _with_url(webhook: dict[str, Any]) -> dict[str, Any]:
    return webhook | {"url": f"{_origin()}/webhooks/{webhook['id']}"}


def _origin() -> str:
    """Give the address that the caller knows us by; a proxy says it in X-Forwarded-Proto and -Host.

    Only the caller reads the answer, so a caller who lies here fools nobody else.
    """
    scheme = request.headers.get("X-Forwarded-Proto", "").split(",")[0].strip().lower()
    host = request.headers.get("X-Forwarded-Host", "").split(",")[0].strip()
    known_host = host if _HOST.fullmatch(host) else request.host
    return f"{scheme if scheme in ('http', 'https') else request.scheme}://{known_host}"

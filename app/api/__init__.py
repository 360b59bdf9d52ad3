"""The REST API: one blueprint a noun; a view is decorators that state the contract over a line or two."""

from flask import Flask, Response

from app.api import (
    api_keys,
    docs,
    executions,
    health,
    inbound,
    me,
    problems,
    quotas,
    schedules,
    secrets,
    spaces,
    spec,
    webhooks,
    workflows,
)
from app.api.json import OrjsonProvider

BLUEPRINTS = (
    me.blp,
    spaces.blp,
    workflows.blp,
    executions.in_space,
    executions.in_workspace,
    schedules.blp,
    webhooks.blp,
    inbound.blp,
    api_keys.blp,
    secrets.blp,
    quotas.blp,
    health.blp,
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def register(app: Flask) -> None:
    """Put every route of the API, its errors and its documents into the application."""
    app.json = OrjsonProvider(app)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    api = spec.make(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    app.register_blueprint(docs.blp)
    problems.register(app)
    app.after_request(_guard)
    app.extensions["openapi"] = spec.document(app, api)


def _guard(response: Response) -> Response:
    """Set what no answer should lack; a page may have set its own."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response

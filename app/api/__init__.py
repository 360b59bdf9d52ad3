"""The REST API: one blueprint a noun; a view is decorators that state the contract over a line or two."""

from flask import Flask, Response, request

from app.api import (
    api_keys,
    bulk,
    docs,
    executions,
    health,
    inbound,
    me,
    metrics,
    problems,
    quotas,
    schedules,
    secrets,
    spaces,
    spec,
    streams,
    webhooks,
    workflows,
)
from app.api.environ import without_own_environment
from app.api.json import OrjsonProvider
from app.api.slow_bodies import with_bounded_bodies

BLUEPRINTS = (
    me.blp,
    spaces.blp,
    workflows.blp,
    executions.in_space,
    executions.in_workspace,
    bulk.in_space,
    bulk.in_workspace,
    streams.in_space,
    streams.in_workspace,
    schedules.blp,
    webhooks.blp,
    inbound.blp,
    api_keys.blp,
    secrets.blp,
    quotas.blp,
    health.blp,
    metrics.blp,
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
    door = with_bounded_bodies(app.wsgi_app, app.config["SETTINGS"], app.extensions["waiting places"])
    app.wsgi_app = without_own_environment(door)  # type: ignore[assignment,method-assign]
    app.json = OrjsonProvider(app)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    api = spec.make(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    app.register_blueprint(docs.blp)
    problems.register(app)
    metrics.register(app)
    app.after_request(_guard)
    app.extensions["openapi"] = spec.document(app, api)


def _guard(response: Response) -> Response:
    """Set what no answer should lack; a page may have set its own. What OPTIONS says has no body to type."""
    if request.method == "OPTIONS" and not response.content_length:
        response.headers.pop("Content-Type", None)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response

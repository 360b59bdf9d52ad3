"""The pages: server-rendered, for a browser's session; one blueprint a noun."""

from flask import Flask

from app.web import (
    execution,
    executions,
    pages,
    schedules,
    session,
    spaces,
    static_files,
    webhooks,
    workflows,
)

NOUNS = (session.blp, spaces.blp, executions.blp, execution.blp, workflows.blp, schedules.blp, webhooks.blp)


def register(app: Flask) -> None:
    """Put the pages and their files into the application."""
    app.register_blueprint(pages.gathered(NOUNS))
    app.register_blueprint(static_files.blp)

"""The command line in this process, and what a shell needs to call it."""

from collections.abc import Iterator

import pytest
from click.testing import Result
from flask import Flask

from app import create_app
from app.extensions import db
from app.services import workflows, workspaces
from app.services.scope import Scope
from app.settings import Settings
from app.states import Role
from tests.cli.shell import Place, Run, bare_environment
from tests.servers import SECRET_KEY

DOUBLE = {"steps": [{"id": "double", "type": "transform", "with": {"value": "${{ input.n * 2 }}"}}]}


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """Give an application of its own: a command ends its process, and with it the sender."""
    app = create_app(settings)
    yield app
    app.extensions["sender"].close()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def run(app: Flask) -> Run:
    """Run a command in this process."""

    def invoke(*words: str, stdin: bytes | None = None) -> Result:
        return app.test_cli_runner().invoke(args=list(words), input=stdin)

    return invoke


@pytest.fixture
def environment(database_url: str, redis_url: str) -> dict[str, str]:
    """Give the environment of a shell that names the servers."""
    return bare_environment() | {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": SECRET_KEY,
        "LOG_LEVEL": "WARNING",
    }


@pytest.fixture
def place(app: Flask, database_url: str, redis_url: str) -> Place:
    """Give the only workspace."""
    assert redis_url
    with app.app_context():
        made = workspaces.create("Acme")
        scope = Scope(made.workspace_id, Role.ADMIN, made.space_id)
        values = {"name": "Double", "definition": DOUBLE, "enabled": True, "max_concurrency": None}
        workflow = workflows.create(scope, values)
    return Place(app, scope, workflow.id, database_url)

"""A caller of the API: a workspace, a space in it, and a key."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.services import api_keys, workspaces
from app.states import Role

DEFINITION: dict[str, Any] = {"steps": [{"id": "one", "type": "transform", "with": {"value": 1}}]}


@dataclass
class Caller:
    """An HTTP client with a key, in a workspace with one space."""

    client: FlaskClient
    workspace_id: UUID
    space_id: UUID
    key: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def workspace(self) -> str:
        """Give the path of the workspace."""
        return f"/workspaces/{self.workspace_id}"

    @property
    def space(self) -> str:
        """Give the path of the space."""
        return f"{self.workspace}/spaces/{self.space_id}"

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        """Send a request with the key; `body` as JSON."""
        headers = {"Authorization": f"Bearer {self.key}"} | options.pop("headers", {})
        sent = {"json": body} if body is not None else {}
        return self.client.open(path, method=method, headers=headers, **sent, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        """Read."""
        return self.ask("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        """Make."""
        return self.ask("POST", path, body, **options)

    def executions(self) -> list[dict[str, Any]]:
        """List what was executed in the workspace, the newest first."""
        found: list[dict[str, Any]] = self.get(f"{self.workspace}/executions").get_json()["data"]
        return found

    def with_role(self, role: Role) -> "Caller":
        """Give a caller in the same space with another key."""
        with self.client.application.app_context():
            _, key = api_keys.create(self.workspace_id, role.value, role)
        return Caller(self.client, self.workspace_id, self.space_id, key)


def new_caller(app: Flask, client: FlaskClient, name: str) -> Caller:
    """Make a workspace and its admin."""
    with app.app_context():
        made = workspaces.create(name)
    return Caller(client, made.workspace_id, made.space_id, made.api_key)

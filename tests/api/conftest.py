"""Callers of the API: the admin of a workspace, and a stranger."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.caller import DEFINITION, Caller, new_caller


@pytest.fixture
def api(app: Flask, client: FlaskClient) -> Caller:
    """Give the admin of a workspace."""
    return new_caller(app, client, "Acme")


@pytest.fixture
def stranger(app: Flask, client: FlaskClient) -> Caller:
    """Give the admin of another workspace."""
    return new_caller(app, client, "Globex")


@pytest.fixture
def workflow(api: Caller) -> dict[str, Any]:
    """Give a saved workflow."""
    reply = api.post(f"{api.space}/workflows", {"name": "Add one", "definition": DEFINITION})
    found: dict[str, Any] = reply.get_json()
    return found

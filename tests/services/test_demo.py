"""The demo of `make run`: made once, and made good where a part of it was deleted."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app import demo
from app.services import api_keys, spaces, workflows
from app.services.identity import forget, identify
from app.services.scope import Scope
from app.states import Role
from tests import servers

SAMPLES = {"Greeting", "Order total", "Price check"}


@pytest.fixture(autouse=True)
def _in_app(app: Flask, database_url: str):
    with app.app_context():
        yield


def prepared(folder: Path, upstream_port: int = 8001) -> dict[str, Any]:
    """Prepare the demo and give what it wrote down."""
    demo.prepare(folder, upstream_port)
    found: dict[str, Any] = json.loads((folder / "demo.json").read_text())
    return found


def scope_of(made: dict[str, Any]) -> Scope:
    return Scope(UUID(made["workspaceId"]), Role.ADMIN, UUID(made["spaceId"]))


def names_in(made: dict[str, Any]) -> set[str]:
    return {row.name for row in workflows.page(scope_of(made), None, 50).data}


def test_a_second_start_keeps_all_but_the_link(tmp_path):
    first = prepared(tmp_path)

    second = prepared(tmp_path)

    assert second.pop("loginToken") != first.pop("loginToken")
    assert second == first
    assert names_in(second) == SAMPLES


def test_a_deleted_space_is_replaced_with_new_samples(tmp_path):
    first = prepared(tmp_path)
    spaces.delete(scope_of(first))

    second = prepared(tmp_path)

    assert (second["workspaceId"], second["apiKey"]) == (first["workspaceId"], first["apiKey"])
    assert second["spaceId"] != first["spaceId"]
    assert names_in(second) == SAMPLES


def test_a_revoked_key_is_replaced(tmp_path):
    first = prepared(tmp_path)
    api_keys.revoke(scope_of(first), identify(first["apiKey"]).key_id)

    second = prepared(tmp_path)

    assert (second["workspaceId"], second["spaceId"]) == (first["workspaceId"], first["spaceId"])
    assert identify(second["apiKey"]).workspace_id == UUID(first["workspaceId"])


def test_a_deleted_workspace_is_replaced(tmp_path, connection_to_empty):
    first = prepared(tmp_path)
    servers.empty(connection_to_empty)
    forget(identify(first["apiKey"]).key_id)

    second = prepared(tmp_path)

    assert second["workspaceId"] != first["workspaceId"]
    assert names_in(second) == SAMPLES

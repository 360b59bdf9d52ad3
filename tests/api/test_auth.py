"""Who gets in, and what each role may do."""

import uuid
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.extensions import db
from app.services import identity, key_format
from app.services.identity import REMEMBERED_SECONDS
from app.states import ROLE_ORDER, Role
from tests.api.caller import DEFINITION, Caller

WRONG_KEYS = {
    "none": {},
    "empty": {"Authorization": ""},
    "no key": {"Authorization": "Bearer"},
    "another scheme": {"Authorization": "Basic YTpi"},
    "no key of ours": {"Authorization": "Bearer sk_live_1234"},
    "not in ASCII": {"Authorization": "Bearer lin_é"},
    "unknown": {"Authorization": f"Bearer {key_format.mint(uuid.uuid4())}"},
}
# method, path under the workspace, body, the least role
ROUTES = [
    ("GET", "/spaces", None, Role.VIEWER),
    ("POST", "/spaces", {"name": "n"}, Role.EDITOR),
    ("GET", "/spaces/{s}", None, Role.VIEWER),
    ("PATCH", "/spaces/{s}", {"name": "n"}, Role.EDITOR),
    ("GET", "/spaces/{s}/workflows", None, Role.VIEWER),
    ("POST", "/spaces/{s}/workflows", {"name": "n", "definition": DEFINITION}, Role.EDITOR),
    ("POST", "/spaces/{s}/workflows/validate", {"definition": DEFINITION}, Role.VIEWER),
    ("GET", "/spaces/{s}/workflows/{w}", None, Role.VIEWER),
    ("PUT", "/spaces/{s}/workflows/{w}", {"name": "n", "definition": DEFINITION}, Role.EDITOR),
    ("PATCH", "/spaces/{s}/workflows/{w}", {"name": "n"}, Role.EDITOR),
    ("GET", "/spaces/{s}/workflows/{w}/versions", None, Role.VIEWER),
    ("GET", "/spaces/{s}/workflows/{w}/versions/1", None, Role.VIEWER),
    ("GET", "/api-keys", None, Role.VIEWER),
    ("POST", "/api-keys", {"name": "n", "role": "viewer"}, Role.ADMIN),
    ("GET", "/quotas", None, Role.VIEWER),
    ("PATCH", "/quotas", {"retentionDays": 3}, Role.ADMIN),
    ("DELETE", "/spaces/{s}/workflows/{w}", None, Role.EDITOR),
    ("DELETE", "/spaces/{s}", None, Role.EDITOR),
]


def under(caller: Caller, path: str, workflow: dict[str, Any]) -> str:
    return caller.workspace + path.format(s=caller.space_id, w=workflow["id"])


@pytest.mark.parametrize("headers", WRONG_KEYS.values(), ids=WRONG_KEYS.keys())
def test_who_has_no_valid_key_is_told_so(api: Caller, headers: dict[str, str]) -> None:
    reply = api.client.get(f"{api.workspace}/spaces", headers=headers)

    assert (reply.status_code, reply.json["code"]) == (401, "unauthorized")
    assert reply.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path", "body", "least"), ROUTES)
def test_each_route_asks_for_a_key(
    api: Caller, workflow: dict[str, Any], method: str, path: str, body: Any, least: Role
) -> None:
    reply = api.client.open(under(api, path, workflow), method=method, json=body)

    assert (reply.status_code, reply.json["code"]) == (401, "unauthorized")


@pytest.mark.parametrize("role", ROLE_ORDER)
@pytest.mark.parametrize(("method", "path", "body", "least"), ROUTES)
def test_each_route_lets_in_its_roles_and_no_other(
    api: Caller, workflow: dict[str, Any], method: str, path: str, body: Any, least: Role, role: Role
) -> None:
    reply = api.with_role(role).ask(method, under(api, path, workflow), body)

    assert (reply.status_code < 300) == role.includes(least)
    assert reply.status_code < 300 or (reply.status_code, reply.json["code"]) == (403, "forbidden")


@pytest.mark.parametrize(("method", "path", "body", "least"), ROUTES)
def test_a_foreign_workspace_is_as_unknown_as_none(
    api: Caller, stranger: Caller, workflow: dict[str, Any], method: str, path: str, body: Any, least: Role
) -> None:
    foreign = stranger.with_role(Role.VIEWER).ask(method, under(api, path, workflow), body)
    nowhere = f"/workspaces/{uuid.uuid4()}{path}".format(s=uuid.uuid4(), w=uuid.uuid4())
    unknown = stranger.with_role(Role.VIEWER).ask(method, nowhere, body)

    assert (foreign.status_code, foreign.json) == (404, unknown.json)


@pytest.mark.parametrize(("method", "path", "body", "least"), [r for r in ROUTES if "{" in r[1]])
def test_a_foreign_id_in_the_own_workspace_is_404(
    api: Caller, stranger: Caller, workflow: dict[str, Any], method: str, path: str, body: Any, least: Role
) -> None:
    foreign = stranger.workspace + path.format(s=api.space_id, w=workflow["id"])

    reply = stranger.ask(method, foreign, body)

    assert (reply.status_code, reply.json["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "/workspaces/1/spaces",
        "/workspaces/{w}/spaces/x",
        "/workspaces/{w}/spaces/{w}%00",
        "/workspaces/{{{w}}}/spaces",
    ],
)
def test_an_id_that_is_no_uuid_is_404(api: Caller, path: str) -> None:
    reply = api.get(path.format(w=api.workspace_id))

    assert (reply.status_code, reply.json["code"]) == (404, "not_found")


def test_me_tells_workspace_and_role(api: Caller) -> None:
    reply = api.with_role(Role.OPERATOR).get("/me")

    assert reply.json == {"workspaceId": str(api.workspace_id), "workspaceName": "Acme", "role": "operator"}


def test_a_key_is_shown_once_and_listed_without_it(api: Caller) -> None:
    made = api.post(f"{api.workspace}/api-keys", {"name": "CI", "role": "operator"})
    listed = api.get(f"{api.workspace}/api-keys")

    assert made.status_code == 201
    assert made.json["key"].startswith("lin_")
    assert listed.json["data"][0] == {name: value for name, value in made.json.items() if name != "key"}
    assert made.json["key"] not in listed.text


def test_a_revoked_key_opens_nothing(api: Caller) -> None:
    made = api.post(f"{api.workspace}/api-keys", {"name": "CI", "role": "operator"}).json
    other = Caller(api.client, api.workspace_id, api.space_id, made["key"])
    before = other.get("/me").status_code

    gone = api.ask("DELETE", f"{api.workspace}/api-keys/{made['id']}")

    assert (before, gone.status_code, other.get("/me").status_code) == (200, 204, 401)
    assert api.ask("DELETE", f"{api.workspace}/api-keys/{made['id']}").status_code == 404


def test_a_key_revoked_by_another_process_is_forgotten_in_time(
    app: Flask, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert api.get("/me").status_code == 200
    with app.app_context(), db.engine.begin() as tx:
        tx.execute(text("DELETE FROM api_keys"))
    monkeypatch.setattr(
        identity, "_known", {k: (i, until - REMEMBERED_SECONDS) for k, (i, until) in identity._known.items()}
    )

    assert api.get("/me").status_code == 401
    assert REMEMBERED_SECONDS <= 5


def test_a_foreign_key_cannot_be_revoked(api: Caller, stranger: Caller) -> None:
    made = api.post(f"{api.workspace}/api-keys", {"name": "CI", "role": "viewer"}).json

    reply = stranger.ask("DELETE", f"{stranger.workspace}/api-keys/{made['id']}")

    assert reply.status_code == 404
    assert len(api.get(f"{api.workspace}/api-keys").json["data"]) == 2


def test_an_expired_key_opens_nothing(app: Flask, api: Caller) -> None:
    sent = {"name": "CI", "role": "viewer", "expiresAt": "2999-01-01T00:00:00+02:00"}
    made = api.post(f"{api.workspace}/api-keys", sent).json
    other = Caller(api.client, api.workspace_id, api.space_id, made["key"])
    with app.app_context(), db.engine.begin() as tx:
        tx.execute(text("UPDATE api_keys SET expires_at = now() WHERE id = :id"), {"id": made["id"]})

    assert made["expiresAt"] == "2998-12-31T22:00:00.000000Z"
    assert other.get("/me").status_code == 401


def test_the_last_use_of_a_key_is_written_down(api: Caller) -> None:
    api.get("/me")

    [key] = api.get(f"{api.workspace}/api-keys").json["data"]

    assert key["lastUsedAt"] is not None


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"role": "root"}, "role"),
        ({"role": None}, "role"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
        ({"expiresAt": "2030-01-01"}, "expiresAt"),
        ({"expiresAt": "9999-12-31T23:59:59-23:59"}, "expiresAt"),
        ({"expiresAt": 1}, "expiresAt"),
        ({"key": "mine"}, "key"),
    ],
)
def test_a_bad_field_of_a_key_is_named(api: Caller, change: dict[str, Any], path: str) -> None:
    reply = api.post(f"{api.workspace}/api-keys", {"name": "n", "role": "viewer"} | change)

    assert (reply.status_code, reply.json["code"]) == (422, "validation_failed")
    assert [fault["path"] for fault in reply.json["errors"]] == [path]

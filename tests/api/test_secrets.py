"""Secrets over HTTP, and as a worker reads them."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.crypto import Keyring
from app.extensions import db
from app.services.keyring import keyring
from app.states import Role
from app.store import secrets
from tests.api.caller import Caller

CANARY = "c4nary-éß-value"
USER: dict[str, Any] = {
    "steps": [
        {
            "id": "call",
            "type": "http",
            "with": {"url": "https://e.example", "auth": {"bearer": "${{ secrets.HOOK }}"}},
        }
    ]
}


def put(caller: Caller, name: str, value: Any = CANARY) -> Any:
    return caller.ask("PUT", f"{caller.workspace}/secrets/{name}", {"value": value})


def values(app: Flask, caller: Caller, *names: str) -> dict[str, str]:
    with app.app_context(), db.engine.begin() as tx:
        return secrets.values(tx, keyring(), caller.workspace_id, names)


def test_a_secret_is_set_named_and_deleted_and_its_value_never_comes_back(app: Flask, api: Caller) -> None:
    made = put(api, "HOOK")
    listed = api.get(f"{api.workspace}/secrets")
    read = values(app, api, "HOOK", "NONE")
    gone = api.ask("DELETE", f"{api.workspace}/secrets/HOOK")

    assert (made.status_code, made.data) == (204, b"")
    assert [sorted(row) for row in listed.json["data"]] == [["createdAt", "name", "updatedAt"]]
    assert CANARY not in listed.text
    assert read == {"HOOK": CANARY}
    assert (gone.status_code, api.get(f"{api.workspace}/secrets").json["data"]) == (204, [])
    assert api.ask("DELETE", f"{api.workspace}/secrets/HOOK").status_code == 404


def test_a_secret_that_is_set_again_has_the_new_value(app: Flask, api: Caller) -> None:
    put(api, "HOOK")

    put(api, "HOOK", "another value")

    assert values(app, api, "HOOK") == {"HOOK": "another value"}
    assert len(api.get(f"{api.workspace}/secrets").json["data"]) == 1


def test_secrets_are_listed_by_name_page_by_page(api: Caller) -> None:
    for name in ("C", "A", "_b", "B"):
        put(api, name)

    first = api.get(f"{api.workspace}/secrets?limit=3")
    rest = api.get(f"{api.workspace}/secrets?limit=3&cursor={first.json['nextCursor']}")

    names = [row["name"] for reply in (first, rest) for row in reply.json["data"]]
    assert sorted(names) == ["A", "B", "C", "_b"]
    assert rest.json["nextCursor"] is None


def test_at_rest_a_secret_is_encrypted_and_bound_to_its_workspace_and_name(
    app: Flask, api: Caller, stranger: Caller
) -> None:
    put(api, "HOOK")
    put(stranger, "HOOK", "of the stranger")

    with app.app_context(), db.engine.begin() as tx:
        stored = bytes(tx.execute(text("SELECT value FROM secrets LIMIT 1")).scalar_one())
        swap = "UPDATE secrets SET value = :value WHERE workspace_id = :workspace"
        tx.execute(text(swap), {"value": stored, "workspace": stranger.workspace_id})

    assert CANARY.encode() not in stored
    assert values(app, api, "HOOK") == {"HOOK": CANARY}
    with pytest.raises(Exception, match="another place"):
        values(app, stranger, "HOOK")


@pytest.mark.parametrize("value", ["", "1234567", "x" * 8193, 12345678, None, ["12345678"], "1234567\0"])
def test_a_value_of_the_wrong_length_or_kind_is_refused(api: Caller, value: Any) -> None:
    reply = put(api, "HOOK", value)

    assert (reply.status_code, reply.json["code"]) == (422, "validation_failed")


@pytest.mark.parametrize("length", [8, 8192])
def test_the_longest_and_shortest_values_are_kept(app: Flask, api: Caller, length: int) -> None:
    put(api, "HOOK", "é" * length)

    assert values(app, api, "HOOK") == {"HOOK": "é" * length}


@pytest.mark.parametrize("name", ["1A", "a-b", "a.b", "é", "a%20", "%00", "x" * 129])
def test_a_name_that_no_expression_can_say_is_refused(api: Caller, name: str) -> None:
    reply = put(api, name)

    assert (reply.status_code, reply.json["errors"][0]["path"]) == (422, "name")


def test_a_missing_secret_is_a_warning_until_it_is_set(api: Caller) -> None:
    before = api.post(f"{api.space}/workflows/validate", {"definition": USER})
    put(api, "HOOK")
    after = api.post(f"{api.space}/workflows/validate", {"definition": USER})

    assert ["HOOK" in warning["message"] for warning in before.json["warnings"]] == [True]
    assert after.json["warnings"] == []


def test_editors_write_secrets_and_viewers_see_their_names(api: Caller, stranger: Caller) -> None:
    answers = {role: put(api.with_role(role), "HOOK").status_code for role in Role}

    assert answers == {Role.ADMIN: 204, Role.EDITOR: 204, Role.OPERATOR: 403, Role.VIEWER: 403}
    assert api.with_role(Role.VIEWER).get(f"{api.workspace}/secrets").status_code == 200
    assert stranger.get(f"{api.workspace}/secrets").status_code == 404


def test_after_a_rotation_of_keys_the_old_ones_are_still_read(app: Flask, api: Caller) -> None:
    put(api, "OLD")
    with app.app_context():
        rotated = Keyring((("new", bytes(32)), *keyring().keys))
    with app.app_context(), db.engine.begin() as tx:
        secrets.put(tx, rotated, api.workspace_id, "NEW", "under the new key")

        found = secrets.values(tx, rotated, api.workspace_id, ["OLD", "NEW"])

    assert found == {"OLD": CANARY, "NEW": "under the new key"}

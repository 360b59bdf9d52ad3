"""The management of webhooks over HTTP: made, rotated, recorded, delivered again."""

import time
import uuid
from typing import Any

import pytest
from flask import Flask

from app.crypto import Keyring
from app.services.keyring import keyring
from app.states import Role
from tests.api.caller import Caller
from tests.api.sender import SIGNERS, Hook, bearer, github, new_hook, slack
from tests.api.sql import sql


def test_a_webhook_is_made_read_changed_listed_and_deleted(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    hook = new_hook(api, workflow, "github")
    sent = hook.send_signed(b'{"a": 1}')
    read = api.get(hook.path)
    changed = api.ask("PATCH", hook.path, {"name": "Other", "enabled": False, "respond": "result"})
    listed = api.get(f"{api.space}/webhooks")
    gone = api.ask("DELETE", hook.path)

    assert uuid.UUID(hook.made["id"]).version == 4
    assert hook.made["url"] == f"http://localhost/webhooks/{hook.made['id']}"
    assert read.json == {name: value for name, value in hook.made.items() if name != "secret"}
    assert read.json["verification"] == {"scheme": "github"}
    assert changed.json == read.json | {"name": "Other", "enabled": False, "respond": "result"}
    assert listed.json == {"data": [changed.json], "nextCursor": None}
    assert gone.status_code == 204
    assert [api.get(hook.path + rest).status_code for rest in ("", "/deliveries")] == [404, 404]
    assert api.ask("DELETE", hook.path).status_code == 404
    assert hook.send_signed().status_code == 401
    assert hook.execution(sent)["input"] == {"a": 1}


def test_what_is_left_out_of_a_webhook_has_its_default(api: Caller, workflow: dict[str, Any]) -> None:
    hmac = {"scheme": "hmac", "header": "X-Signed"}

    plain, signed = (
        api.post(f"{api.space}/webhooks", {"name": "Orders", "workflowId": workflow["id"], **more}).json
        for more in ({}, {"verification": hmac})
    )

    assert (plain["enabled"], plain["respond"], plain["secret"]) == (True, "accepted", None)
    assert plain["verification"] == {"scheme": "none"}
    assert signed["verification"] == hmac | {"algorithm": "sha256", "encoding": "hex", "prefix": ""}


def test_the_url_is_the_one_that_a_proxy_is_known_by(api: Caller, workflow: dict[str, Any]) -> None:
    hook = new_hook(api, workflow)

    def url(proto: str, host: str) -> str:
        headers = {"X-Forwarded-Proto": proto, "X-Forwarded-Host": host}
        found: str = api.get(hook.path, headers=headers).json["url"]
        return found.partition("/webhooks/")[0]

    assert url("https", "linea.example:8443") == "https://linea.example:8443"
    assert url("https, http", "[::1]:80, inner") == "https://[::1]:80"
    assert url("javascript", "a/b") == "http://localhost"


def test_webhooks_are_listed_newest_first_page_by_page(api: Caller, workflow: dict[str, Any]) -> None:
    made = [new_hook(api, workflow).made["id"] for _ in range(5)]

    found, cursor = [], ""
    while cursor is not None:
        reply = api.get(f"{api.space}/webhooks?limit=2{cursor and '&cursor=' + cursor}")
        found += [webhook["id"] for webhook in reply.json["data"]]
        cursor = reply.json["nextCursor"]

    assert found == made[::-1]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": ""}, "name"),
        ({"workflowId": "x"}, "workflowId"),
        ({"respond": "later"}, "respond"),
        ({"secret": "x"}, "secret"),
        ({"verification": {}}, "verification.scheme"),
        ({"verification": {"scheme": "gitlab"}}, "verification.scheme"),
        ({"verification": {"scheme": "none", "secret": "x"}}, "verification.secret"),
        ({"verification": {"scheme": "github", "secret": ""}}, "verification.secret"),
        ({"verification": {"scheme": "github", "secret": "a line break\n"}}, "verification.secret"),
        ({"verification": {"scheme": "bearer", "secret": "with a space"}}, "verification.secret"),
        ({"verification": {"scheme": "hmac", "header": "X", "prefix": "a\nb"}}, "verification.prefix"),
        ({"verification": {"scheme": "github", "header": "X"}}, "verification.header"),
        ({"verification": {"scheme": "basic"}}, "verification.username"),
        ({"verification": {"scheme": "basic", "username": "a:b"}}, "verification.username"),
        ({"verification": {"scheme": "hmac"}}, "verification.header"),
        ({"verification": {"scheme": "hmac", "header": "X Y"}}, "verification.header"),
        ({"verification": {"scheme": "hmac", "header": "X", "algorithm": "md5"}}, "verification.algorithm"),
        ({"verification": {"scheme": "standard", "secret": "short"}}, "verification.secret"),
    ],
)
def test_what_is_wrong_with_a_webhook_is_said_with_its_place(
    api: Caller, workflow: dict[str, Any], change: dict[str, Any], path: str
) -> None:
    hook = new_hook(api, workflow)

    replies = [
        api.post(f"{api.space}/webhooks", {"name": "n", "workflowId": workflow["id"]} | change),
        api.ask("PATCH", hook.path, change),
    ]

    for reply in replies:
        assert (reply.status_code, reply.json["code"]) == (422, "validation_failed")
        assert [fault["path"] for fault in reply.json["errors"]] == [path]


def test_the_workflow_must_be_one_of_the_space(
    api: Caller, stranger: Caller, workflow: dict[str, Any]
) -> None:
    hook = new_hook(api, workflow)
    other_space = api.post(f"{api.workspace}/spaces", {"name": "n"}).headers["Location"]

    replies = [
        api.post(f"{other_space}/webhooks", {"name": "n", "workflowId": workflow["id"]}),
        stranger.post(f"{stranger.space}/webhooks", {"name": "n", "workflowId": workflow["id"]}),
        api.ask("PATCH", hook.path, {"workflowId": str(uuid.uuid4())}),
        api.get(f"{other_space}/webhooks/{hook.made['id']}"),
        stranger.get(f"{stranger.space}/webhooks/{hook.made['id']}/deliveries"),
        stranger.post(f"{stranger.space}/webhooks/{hook.made['id']}/rotate"),
    ]

    assert [(reply.status_code, reply.json["code"]) for reply in replies] == [(404, "not_found")] * 6


def test_each_role_may_do_its_part(api: Caller, workflow: dict[str, Any]) -> None:
    hook = new_hook(api, workflow, "bearer")
    hook.send_signed()
    record = f"{hook.path}/deliveries/{hook.deliveries()[0]['id']}"
    wanted = {
        ("POST", f"{record}/redeliver"): Role.OPERATOR,
        ("GET", hook.path): Role.VIEWER,
        ("GET", f"{hook.path}/deliveries"): Role.VIEWER,
        ("GET", record): Role.VIEWER,
        ("POST", f"{hook.path}/rotate"): Role.EDITOR,
        ("PATCH", hook.path): Role.EDITOR,
    }

    for role in Role:
        caller = api.with_role(role)
        for (method, path), least in wanted.items():
            body = {} if method == "PATCH" else None
            assert (caller.ask(method, path, body).status_code < 300) == role.includes(least), (role, path)
        made = caller.post(f"{api.space}/webhooks", {"name": "n", "workflowId": workflow["id"]})
        assert (made.status_code == 201) == role.includes(Role.EDITOR)


@pytest.mark.parametrize("scheme", SIGNERS)
def test_after_a_rotation_both_secrets_are_good_until_the_old_one_ends(
    app: Flask, api: Caller, workflow: dict[str, Any], scheme: str
) -> None:
    hook = new_hook(api, workflow, scheme)
    rotated = api.post(f"{hook.path}/rotate", {"keepOldSeconds": 600})
    new = rotated.json["secret"]

    both = [
        hook.send_signed().status_code,
        hook.send_signed(
            secret=new, **({"signing": {"id": "2"}} if scheme in ("standard", "github") else {})
        ).status_code,
    ]
    sql(app, "UPDATE webhooks SET old_secret_until = now()")
    later = [hook.send_signed().status_code, hook.send_signed(secret=new).status_code]

    assert rotated.status_code == 200
    assert both == [202, 202]
    assert later[0] == 401
    assert later[1] in (200, 202)
    assert "secret" not in api.get(hook.path).json


def test_a_rotation_keeps_the_old_secret_a_day(app: Flask, api: Caller, workflow: dict[str, Any]) -> None:
    hook = new_hook(api, workflow, "github")

    api.post(f"{hook.path}/rotate", {})

    [(left,)] = sql(app, "SELECT extract(epoch FROM old_secret_until - now())::float8 FROM webhooks")
    assert 86_400 - 600 < left <= 86_400


def test_a_rotation_may_end_the_old_secret_at_once_and_choose_the_new_one(
    api: Caller, workflow: dict[str, Any]
) -> None:
    hook = new_hook(api, workflow, "github")

    rotated = api.post(f"{hook.path}/rotate", {"secret": "chosen by us", "keepOldSeconds": 0})

    assert rotated.json == {"secret": "chosen by us"}
    assert hook.send_signed().status_code == 401
    assert hook.send_signed(secret="chosen by us").status_code == 202


def test_the_old_secret_is_kept_for_a_day_unless_told_otherwise(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    hook = new_hook(api, workflow, "github")

    api.post(f"{hook.path}/rotate")

    [row] = sql(app, "SELECT extract(epoch FROM old_secret_until - now()) AS left FROM webhooks")
    assert 86_300 < row.left <= 86_400


@pytest.mark.parametrize(
    "body",
    [
        {"keepOldSeconds": -1},
        {"keepOldSeconds": 2_592_001},
        {"x": 1},
        {"secret": "two\nlines"},
    ],
)
def test_a_bad_rotation_is_refused(api: Caller, workflow: dict[str, Any], body: dict[str, Any]) -> None:
    hook = new_hook(api, workflow, "github")

    assert api.post(f"{hook.path}/rotate", body).status_code == 422
    assert api.post(f"{new_hook(api, workflow).path}/rotate").status_code == 422
    assert hook.send_signed().status_code == 202


def test_another_scheme_makes_another_secret_and_the_same_one_keeps_it(
    api: Caller, workflow: dict[str, Any]
) -> None:
    hook = new_hook(api, workflow, "github")

    same = api.ask("PATCH", hook.path, {"verification": {"scheme": "github"}})
    kept = hook.send_signed().status_code
    other = api.ask("PATCH", hook.path, {"verification": {"scheme": "bearer"}})
    signed = hook.send(headers=bearer(other.json["secret"], b""))
    old = hook.send(headers=bearer(hook.made["secret"], b""))
    none = api.ask("PATCH", hook.path, {"verification": {"scheme": "none"}})

    assert "secret" not in same.json
    assert [kept, signed.status_code, old.status_code, hook.send().status_code] == [202, 202, 401, 202]
    assert none.json["secret"] is None


def test_secrets_are_encrypted_at_rest_and_one_that_cannot_be_read_lets_nobody_in(
    app: Flask, api: Caller, workflow: dict[str, Any]
) -> None:
    hook = new_hook(api, workflow, "bearer", verification={"secret": "c4nary-secret"})
    [before] = sql(app, "SELECT * FROM webhooks")
    with app.app_context():
        lost = Keyring((("lost", bytes(32)),)).encrypt("c4nary-secret", "webhooks", before.id)
        assert keyring().decrypt(bytes(before.secret), "webhooks", before.id) == "c4nary-secret"

    sql(app, "UPDATE webhooks SET secret = :lost", lost=lost)

    assert "c4nary" not in repr([bytes(v) if isinstance(v, memoryview) else v for v in before])
    assert hook.send_signed().status_code == 401


def test_slack_is_answered_when_it_asks_whether_the_url_is_ours(
    api: Caller, workflow: dict[str, Any]
) -> None:
    hook = new_hook(api, workflow, "slack")
    body = b'{"token": "t", "challenge": "3eZbrw1aB", "type": "url_verification"}'

    signed, unsigned = hook.send_signed(body), hook.send(body)
    stale = hook.send(body, headers=slack(hook.made["secret"], body, time.time() - 400))

    assert (signed.status_code, signed.json) == (200, {"challenge": "3eZbrw1aB"})
    assert [unsigned.status_code, stale.status_code] == [401, 401]
    assert hook.executions() == []


@pytest.mark.parametrize("scheme", ["none", "github"])
def test_meta_is_answered_when_it_knows_the_secret(
    api: Caller, workflow: dict[str, Any], scheme: str
) -> None:
    hook = new_hook(api, workflow, scheme)
    query = {
        "hub.mode": "subscribe",
        "hub.challenge": "1158201444",
        "hub.verify_token": hook.made["secret"] or "x",
    }

    right = hook.send(method="GET", query_string=query)
    wrong = hook.send(method="GET", query_string=query | {"hub.verify_token": "é"})

    assert (right.status_code, right.text, right.mimetype) == (200, "1158201444", "text/plain")
    assert wrong.status_code == (200 if scheme == "none" else 401)
    assert hook.executions() == []


def test_github_may_send_its_signature_in_no_other_header(api: Caller, workflow: dict[str, Any]) -> None:
    hook = new_hook(api, workflow, "github")
    signature = github(hook.made["secret"], b"{}")["X-Hub-Signature-256"]

    assert Hook(api, hook.made).send(headers={"X-Hub-Signature": signature}).status_code == 401

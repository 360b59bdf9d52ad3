"""Stay in, be put out: the ends of sessions, CSRF, roles."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from app import clock
from app.extensions import db
from app.services import api_keys, sessions
from app.states import Role
from tests.api.caller import DEFINITION, Caller
from tests.web.visitor import Visitor, sql


def test_a_revoked_key_ends_its_sessions_at_once(app: Flask, member: Visitor) -> None:
    assert member.get("/").status_code == 200

    sql(app, "DELETE FROM api_keys")

    assert member.get("/").headers["Location"] == "/login"
    assert member.get(f"{member.caller.workspace}/spaces").status_code == 401


def test_an_expired_key_ends_its_sessions_at_once(app: Flask, visitor: Visitor) -> None:
    with app.app_context():
        soon = clock.now() + timedelta(hours=1)
        _, key = api_keys.create(visitor.caller.workspace_id, "short", Role.ADMIN, soon)
    visitor.log_in(key)
    before = visitor.get("/").status_code

    sql(app, "UPDATE api_keys SET expires_at = now()")

    assert (before, visitor.get("/").status_code) == (200, 303)


def test_a_session_ends_after_twelve_hours(app: Flask, member: Visitor) -> None:
    sql(app, "UPDATE browser_tokens SET expires_at = now()")

    reply = member.get("/")
    with app.app_context():
        sessions.forget_old()
        with db.engine.connect() as tx:
            left = tx.execute(text("SELECT count(*) FROM browser_tokens")).scalar_one()

    assert (reply.status_code, left) == (303, 0)


def test_logging_out_ends_the_session_on_the_server_too(app: Flask, member: Visitor) -> None:
    copied = app.test_client()
    copied.set_cookie(sessions.COOKIE, member.session or "")
    before = copied.get("/").status_code

    reply = member.post("/logout")

    assert (reply.status_code, reply.headers["Location"]) == (303, "/login")
    assert member.session is None
    assert (before, copied.get("/").status_code) == (200, 303)


def test_logging_in_again_ends_the_session_before(app: Flask, member: Visitor) -> None:
    copied = app.test_client()
    copied.set_cookie(sessions.COOKIE, member.session or "")

    member.log_in()

    assert copied.get("/").status_code == 303


@pytest.mark.parametrize("csrf", [None, "", "a.b", "0123456789abcdef.", "é.é"])
def test_a_form_without_its_token_changes_nothing(member: Visitor, csrf: str | None) -> None:
    given = {"name": "New"} | ({} if csrf is None else {"csrf": csrf})

    reply = member.client.post("/spaces", data=given)

    assert (reply.status_code, reply.mimetype) == (403, "text/html")
    assert "X-CSRF-Token" in reply.text


def test_a_token_of_another_session_is_refused(app: Flask, member: Visitor, stranger: Caller) -> None:
    other = Visitor(app.test_client(), stranger)
    other.log_in()

    reply = member.client.post("/spaces", data={"name": "New", "csrf": other.csrf()})

    assert reply.status_code == 403


def test_each_page_has_another_token_and_all_are_good(member: Visitor) -> None:
    tokens = [member.csrf(), member.csrf()]

    replies = [member.client.post("/spaces", data={"name": "n", "csrf": csrf}) for csrf in tokens]

    assert tokens[0] != tokens[1]
    assert [reply.status_code for reply in replies] == [303, 303]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_request_that_another_site_caused_is_refused(member: Visitor, site: str) -> None:
    csrf = member.csrf()
    headers = {"Sec-Fetch-Site": site}

    form = member.client.post("/spaces", data={"name": "n", "csrf": csrf}, headers=headers)
    login = member.client.post("/login", data={"key": member.caller.key}, headers=headers)

    assert (form.status_code, login.status_code) == (403, 403)


def test_the_api_takes_a_session_with_its_token(member: Visitor) -> None:
    path = f"{member.caller.workspace}/spaces"

    read = member.get(path)
    refused = member.client.post(path, json={"name": "n"})
    made = member.client.post(path, json={"name": "n"}, headers={"X-CSRF-Token": member.csrf()})

    assert (read.status_code, made.status_code) == (200, 201)
    assert (refused.status_code, refused.mimetype) == (403, "application/problem+json")
    assert refused.json["code"] == "forbidden"
    assert "X-CSRF-Token" in refused.json["detail"]


def test_a_key_beside_a_session_needs_no_token(member: Visitor) -> None:
    headers = {"Authorization": f"Bearer {member.caller.key}"}

    reply = member.client.post(f"{member.caller.workspace}/spaces", json={"name": "n"}, headers=headers)

    assert reply.status_code == 201


def test_what_a_session_triggers_is_manual(member: Visitor) -> None:
    caller = member.caller
    workflow = caller.post(f"{caller.space}/workflows", {"name": "w", "definition": DEFINITION}).json
    path, body = f"{caller.space}/executions", {"workflowId": workflow["id"]}

    by_hand = member.client.post(path, json=body, headers={"X-CSRF-Token": member.csrf()})
    by_key = caller.post(path, body)

    assert (by_hand.json["triggeredBy"], by_key.json["triggeredBy"]) == ("manual", "api")


def test_a_session_may_what_its_key_may(app: Flask, visitor: Visitor) -> None:
    visitor.log_in(visitor.caller.with_role(Role.VIEWER).key)
    csrf = visitor.csrf()

    page = visitor.client.post("/spaces", data={"name": "n", "csrf": csrf})
    api = visitor.client.post(
        f"{visitor.caller.workspace}/spaces", json={"name": "n"}, headers={"X-CSRF-Token": csrf}
    )

    assert (page.status_code, api.status_code) == (403, 403)
    assert "you are logged in as viewer" in page.text
    assert "New space" not in visitor.get("/").text

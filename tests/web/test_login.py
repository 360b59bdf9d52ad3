"""Log in by the form or by a link, and be led back to where one wanted to go."""

from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import text

from app.extensions import db
from app.services import identity, sessions
from app.services.scope import Scope
from app.web import session as session_pages
from app.web.attempts import MOST_FAILURES, Attempts
from tests.api.caller import Caller
from tests.web.visitor import Visitor, sql

ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "\\/evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/ /evil.example",
    "evil",
    "",
]


@pytest.fixture(autouse=True)
def _no_failures_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_pages, "attempts", Attempts())


def key_id(app: Flask, key: str) -> Scope:
    with app.app_context():
        found = identity.identify(key)
    assert found is not None
    return found.key_id


def link_of(app: Flask, caller: Caller) -> str:
    with app.app_context():
        token = sessions.make_link(key_id(app, caller.key))
    assert token is not None
    return token


def test_the_cookie_is_for_this_server_and_no_script(visitor: Visitor) -> None:
    reply = visitor.log_in()

    [cookie] = reply.headers.getlist("Set-Cookie")
    attributes = {word.strip().partition("=")[0] for word in cookie.split(";")}
    assert (reply.status_code, reply.headers["Location"]) == (303, "/")
    assert {"HttpOnly", "SameSite", "Path", "Max-Age"} <= attributes
    assert "SameSite=Lax" in cookie
    assert "Max-Age=43200" in cookie
    assert "Secure" not in attributes
    assert "Domain" not in attributes


def test_behind_tls_the_cookie_is_secure(visitor: Visitor) -> None:
    data = {"key": visitor.caller.key}

    direct = visitor.client.post("/login", data=data, base_url="https://linea.example")
    proxied = visitor.client.post("/login", data=data, headers={"X-Forwarded-Proto": "https"})

    assert "; Secure" in direct.headers["Set-Cookie"]
    assert "; Secure" in proxied.headers["Set-Cookie"]


def test_the_cookie_does_not_hold_the_key_and_the_database_not_the_cookie(
    app: Flask, member: Visitor
) -> None:
    with app.app_context(), db.engine.connect() as tx:
        rows = tx.execute(text("SELECT browser_tokens::text FROM browser_tokens")).scalars().all()

    assert len(rows) == 1
    assert member.session is not None
    assert member.session not in rows[0]
    assert member.session not in member.caller.key


@pytest.mark.parametrize("key", ["", "lin_wrong", "lin_é", "x" * 100_000, "<script>alert(1)</script>"])
def test_a_wrong_key_is_told_and_not_repeated(visitor: Visitor, key: str) -> None:
    reply = visitor.client.post("/login", data={"key": key})

    assert reply.status_code == 401
    assert "This is no valid API key" in reply.text
    assert "Set-Cookie" not in reply.headers
    assert not key or key not in reply.text


def test_too_many_failures_from_an_address_have_to_wait(visitor: Visitor) -> None:
    for _ in range(MOST_FAILURES):
        visitor.log_in("lin_wrong")

    reply = visitor.log_in()
    other = visitor.client.post(
        "/login", data={"key": visitor.caller.key}, headers={"X-Forwarded-For": "1.2.3.4, 192.0.2.7"}
    )

    assert reply.status_code == 429
    assert 0 < int(reply.headers["Retry-After"]) <= 61
    assert "try again in" in reply.text
    assert other.status_code == 303


@pytest.mark.parametrize("path", ["/", "/spaces/{s}/executions", "/spaces/{s}", "/spaces/nowhere"])
def test_a_page_leads_to_the_log_in_and_that_back(visitor: Visitor, path: str) -> None:
    path = path.format(s=visitor.caller.space_id)

    first = visitor.get(f"{path}?status=failed&q=a%26b")
    back = visitor.log_in(next=f"{path}?q=a%26b")

    wanted = f"?next={quote(f'{path}?status=failed&q=a%26b', safe='')}" if path != "/" else ""
    assert (first.status_code, first.headers["Location"]) == (303, f"/login{wanted}")
    assert (back.status_code, back.headers["Location"]) == (303, f"{path}?q=a%26b")


@pytest.mark.parametrize("target", ELSEWHERE)
def test_the_log_in_leads_nowhere_else(visitor: Visitor, target: str) -> None:
    reply = visitor.log_in(next=target)

    assert (reply.status_code, reply.headers["Location"]) == (303, "/")


def test_who_is_logged_in_is_led_on(member: Visitor) -> None:
    reply = member.get(f"/login?next={member.space}/schedules")

    assert (reply.status_code, reply.headers["Location"]) == (303, f"{member.space}/schedules")


def test_a_link_logs_in_once(app: Flask, visitor: Visitor) -> None:
    token = link_of(app, visitor.caller)

    first = visitor.get(f"/login?token={token}")
    again = app.test_client().get(f"/login?token={token}")

    assert (first.status_code, first.headers["Location"]) == (303, "/")
    assert visitor.get("/").status_code == 200
    assert (again.status_code, again.mimetype) == (410, "text/html")
    assert "used already or is too old" in again.text
    assert "it prints a new link" in again.text
    assert 'name="key"' in again.text
    assert "Set-Cookie" not in again.headers


def test_a_used_link_leads_on_in_the_browser_that_it_logged_in(app: Flask, visitor: Visitor) -> None:
    token = link_of(app, visitor.caller)
    visitor.get(f"/login?token={token}")

    again = visitor.get(f"/login?token={token}")

    assert (again.status_code, again.headers["Location"]) == (303, "/")


def test_a_link_that_is_too_old_logs_nobody_in(app: Flask, visitor: Visitor) -> None:
    token = link_of(app, visitor.caller)
    sql(app, "UPDATE browser_tokens SET expires_at = now() - interval '1 second'")

    reply = visitor.get(f"/login?token={token}")

    assert reply.status_code == 410
    assert "used already or is too old" in reply.text
    assert visitor.session is None


def test_a_look_ahead_does_not_use_a_link_up(app: Flask, visitor: Visitor) -> None:
    token = link_of(app, visitor.caller)

    visitor.client.head(f"/login?token={token}")
    visitor.get(f"/login?token={token}", headers={"Sec-Purpose": "prefetch;prerender"})

    assert visitor.get(f"/login?token={token}").status_code == 303


def test_a_link_is_no_session_and_a_session_no_link(app: Flask, member: Visitor) -> None:
    session = member.session
    fresh = app.test_client()
    fresh.set_cookie(sessions.COOKIE, link_of(app, member.caller))

    assert fresh.get("/").status_code == 303
    assert "used already" in app.test_client().get(f"/login?token={session}").text

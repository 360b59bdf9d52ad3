"""What holds for every page: who sees it, its frame, its headers, its errors; and the static files."""

import gzip
import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import Gone

from app.services import spaces
from app.services.scope import Scope
from app.services.transaction import away
from app.states import Role
from app.web import static_files
from app.web.pages import CSP
from tests.api.caller import Caller
from tests.web.visitor import Visitor

PLACES = ["", "/executions", "/workflows", "/schedules", "/webhooks"]
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}${7*7}",
    "</title></script><svg onload=alert(1)>",
]


def rename(app: Flask, caller: Caller, name: str) -> None:
    with app.app_context():
        spaces.rename(Scope(caller.workspace_id, Role.ADMIN, caller.space_id), name)


@pytest.mark.parametrize("place", PLACES)
def test_foreign_and_unknown_spaces_are_pages_that_say_so(
    member: Visitor, stranger: Caller, place: str
) -> None:
    foreign = member.get(f"/spaces/{stranger.space_id}{place}")
    unknown = member.get(f"/spaces/01a203fc-6170-7947-82ba-8a19c79c87c6{place}")

    for reply in (foreign, unknown):
        assert (reply.status_code, reply.mimetype) == (404, "text/html")
        assert "There is no space" in reply.text


@pytest.mark.parametrize("path", ["/spaces/x", "/spaces/x/executions", "/spaces/{s}/nowhere"])
def test_an_address_that_is_no_page_is_a_page_that_says_so(member: Visitor, path: str) -> None:
    reply = member.get(path.format(s=member.caller.space_id))

    assert (reply.status_code, reply.mimetype) == (404, "text/html")
    assert "There is no such page" in reply.text


def test_the_api_keeps_its_problems(member: Visitor) -> None:
    for path in ("/nowhere", "/workspaces/x/spaces", f"{member.caller.workspace}/nowhere"):
        assert member.get(path).mimetype == "application/problem+json"


def test_a_defect_is_a_page_without_its_details(member: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("the secret of the defect")

    monkeypatch.setattr("app.web.spaces.spaces.page", broken)
    reply = member.get("/")

    assert (reply.status_code, reply.mimetype) == (500, "text/html")
    assert "Something went wrong" in reply.text
    assert "secret of the defect" not in reply.text


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (away(), 503, "The database cannot be reached"),
        (PoolTimeout(), 503, "The database cannot be reached"),
        (Gone("It went away."), 410, "It went away."),
    ],
)
def test_other_errors_are_pages_too(
    member: Visitor, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, said: str
) -> None:
    def refuses(*_: Any) -> None:
        raise error

    monkeypatch.setattr("app.web.spaces.spaces.page", refuses)
    reply = member.get("/")

    assert (reply.status_code, reply.mimetype) == (status, "text/html")
    assert said in reply.text
    assert ("Retry-After" in reply.headers) == (status == 503)


@pytest.mark.parametrize("path", ["/", "/login", "/spaces/x", *(f"/spaces/{{s}}{p}" for p in PLACES[1:])])
def test_a_page_runs_no_script_but_ours(visitor: Visitor, path: str) -> None:
    logged_in = path != "/login" and visitor.log_in().status_code == 303

    reply = visitor.get(path.format(s=visitor.caller.space_id))

    assert reply.headers["Content-Security-Policy"] == CSP
    assert "unsafe" not in CSP
    assert "default-src 'none'" in CSP
    assert not re.search(r"\sstyle=|\son\w+=|javascript:|https?://", reply.text)
    assert re.findall(r"<script(?![^>]*(?:src=|application/json))", reply.text) == []
    assert ('<meta name="csrf-token"' in reply.text) == logged_in
    assert reply.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("place", ["/", "/spaces/{s}/executions"])
def test_hostile_names_are_text(app: Flask, member: Visitor, name: str, place: str) -> None:
    rename(app, member.caller, name)

    page = member.get(place.format(s=member.caller.space_id)).text

    shown = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;")
    assert shown in page
    assert page.count(name) == (0 if shown != name else page.count(shown))


def test_a_bad_name_is_said_beside_its_field(member: Visitor) -> None:
    reply = member.post("/spaces", name=" ")

    assert reply.status_code == 422
    assert "A name has 1 to 200 characters." in reply.text
    assert 'aria-invalid="true"' in reply.text


def test_a_new_space_is_gone_into(member: Visitor) -> None:
    reply = member.post("/spaces", name="Bills")

    entered = member.get(reply.headers["Location"])
    assert entered.status_code == 303
    assert "Bills" in member.get(entered.headers["Location"]).text


def test_more_spaces_than_a_page_shows_are_on_the_next(
    member: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.spaces.SHOWN", 1)
    member.post("/spaces", name="Newer")

    first = member.get("/").text
    [older] = re.findall(r'href="(/\?cursor=[^"]+)"', first)
    second = member.get(older).text

    assert (first.count("data-space-id"), second.count("data-space-id")) == (1, 1)
    assert ("Newer" in first, "Newer" in second) == (True, False)
    assert "default" in second


def test_a_page_is_compressed_for_who_takes_that(member: Visitor) -> None:
    plain = member.get("/")
    zipped = member.get("/", headers={"Accept-Encoding": "gzip"})

    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.data).decode().count("data-space-id") == plain.text.count("data-space-id")
    assert len(zipped.data) < len(plain.data)


def test_static_files_are_kept_for_ever_under_an_address_of_their_content(member: Visitor) -> None:
    addresses = set(re.findall(r'(?:href|src|content)="(/static/[^"#]+)', member.get("/").text))

    assert len(addresses) > 5
    for address in addresses:
        reply = member.get(address, headers={"Accept-Encoding": "gzip"})
        assert reply.status_code == 200
        assert reply.headers["Cache-Control"] == static_files.FOREVER
        assert reply.headers["Content-Encoding"] == "gzip"
        assert reply.mimetype in ("text/css", "text/javascript", "image/svg+xml")


def test_an_old_version_s_address_gets_the_file_and_is_not_kept(visitor: Visitor) -> None:
    reply = visitor.get("/static/000000000000/css/base.css")

    assert (reply.status_code, reply.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize("name", ["nothing.css", "../pages.py", "..%2fpages.py", "css/../../pages.py", ""])
def test_no_other_file_is_served(visitor: Visitor, name: str) -> None:
    assert visitor.get(f"/static/{static_files.current_version()}/{name}").status_code == 404


def test_modules_import_only_what_is_there() -> None:
    scripts = {
        name: file.body.decode() for name, file in static_files.files().items() if name.endswith(".js")
    }
    imported = {
        f"js/{found}" for text in scripts.values() for found in re.findall(r'from "\./([\w.-]+)"', text)
    }

    assert imported <= set(scripts)
    assert len(imported) > 5
    assert [
        name for name, text in scripts.items() if re.search(r"innerHTML|outerHTML|insertAdj|eval\(", text)
    ] == []


def modules(text: str, seen: set[str] | None = None) -> set[str]:
    """Name the scripts that a page or script loads, those that they import included."""
    seen = set() if seen is None else seen
    for name in re.findall(r'(?:from "\./|src="/static/\w+/js/)([\w.-]+\.js)"', text):
        if name not in seen:
            seen.add(name)
            modules(static_files.files()[f"js/{name}"].body.decode(), seen)
    return seen


def test_pages_need_no_more_than_they_show(member: Visitor) -> None:
    page = member.get("/")
    addresses = set(re.findall(r'(?:href|src)="(/static/[^"#]+\.(?:css|svg))"', page.text))
    sent = sum(len(member.get(address).data) for address in addresses)
    scripts = sum(len(static_files.files()[f"js/{name}"].body) for name in modules(page.text))

    assert scripts > 0
    assert len(page.data) + sent + scripts < 120_000

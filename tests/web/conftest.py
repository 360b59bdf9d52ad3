"""Visitors of the pages: with Flask's client, and in a real browser against real processes."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.settings import Settings
from tests.api.caller import Caller, new_caller
from tests.web.browser import Browser, Tab, chromium, serving
from tests.web.visitor import Visitor


@pytest.fixture
def caller(app: Flask, client: FlaskClient) -> Caller:
    """Give the admin of a workspace, over the API and without a session."""
    return new_caller(app, app.test_client(), "Acme")


@pytest.fixture
def stranger(app: Flask) -> Caller:
    """Give the admin of another workspace."""
    return new_caller(app, app.test_client(), "Globex")


@pytest.fixture
def visitor(client: FlaskClient, caller: Caller) -> Visitor:
    """Give somebody who has not logged in."""
    return Visitor(client, caller)


@pytest.fixture
def member(visitor: Visitor) -> Visitor:
    """Give a visitor who is logged in as admin."""
    assert visitor.log_in().status_code == 303
    return visitor


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run Chromium; skips where there is none. Not longer: while it runs, this thread has an event loop."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def live_server(settings: Settings) -> Iterator[str]:
    """Run web, worker and clock as the Procfile does; gives the address. A module shares them."""
    with serving(settings) as url:
        yield url


@pytest.fixture
def tab(browser: Browser, live_server: str, caller: Caller) -> Iterator[Tab]:
    """Open a tab that nobody is logged in in; fails for any console error, warning or foreign request."""
    with browser.tab(live_server, caller) as opened:
        yield opened


@pytest.fixture
def page(tab: Tab) -> Tab:
    """Open a tab with the admin of a workspace logged in."""
    tab.log_in()
    return tab

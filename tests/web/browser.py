"""The system's Chromium, and the real processes that it looks at."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import ConsoleMessage, Page, expect, sync_playwright

from app.settings import Settings
from tests.api.caller import Caller
from tests.journeys import processes

WAIT_MS = 30_000
PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
SWITCHES = ("--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking")
Scheme = Literal["light", "dark"]


@dataclass
class Tab:
    """A tab of its own session; `page` is Playwright's, `faults` what no page of ours may cause."""

    page: Page
    url: str
    caller: Caller
    faults: list[str] = field(default_factory=list)

    @property
    def space(self) -> str:
        """Give the path of the space's pages."""
        return f"/spaces/{self.caller.space_id}"

    def log_in(self) -> None:
        """Log in by the form."""
        self.open("/login")
        self.page.get_by_label("API key").fill(self.caller.key)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(f"{self.url}/")

    def open(self, path: str) -> None:
        """Go to a page and wait until its script has run."""
        self.page.goto(self.url + path)

    def until(self, expression: str, seconds: float = WAIT_MS / 1000) -> None:
        """Wait until JavaScript is true; Playwright's own wait needs an eval, which our policy forbids."""
        true = processes.eventually(lambda: self.page.evaluate(expression), seconds, 0.1)
        assert true, f"did not become true: {expression}; {self.faults}"

    def listen(self) -> None:
        """Note errors, warnings and requests to other hosts."""
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", lambda request: self._on_request(request.url))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type}: {message.text} ({message.location})")

    def _on_request(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != urlsplit(self.url).netloc:
            self.faults.append(f"foreign request: {address}")


@dataclass
class Browser:
    """A running Chromium."""

    chromium: Chromium

    @contextmanager
    def tab(self, url: str, caller: Caller, **look: Any) -> Iterator[Tab]:
        """Open a tab with cookies of its own; `look` goes to Playwright's new_context.

        Fails at the end for what is in `faults`; a test that causes some on purpose clears them.
        """
        look = {
            "viewport": {"width": 1280, "height": 800},
            "locale": "en-GB",
            "timezone_id": "Europe/Paris",
        } | look
        context = self.chromium.new_context(**look)
        try:
            context.set_default_timeout(WAIT_MS)
            opened = Tab(context.new_page(), url, caller)
            opened.listen()
            yield opened
            assert opened.faults == []
        finally:
            context.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium without a window; skip the test where there is none."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no Chromium is installed (Debian, Ubuntu: apt install chromium)")
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program, args=list(SWITCHES), chromium_sandbox=os.geteuid() != 0, timeout=60_000
        )
        try:
            yield Browser(started)
        finally:
            started.close()


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Run web, worker and clock on the servers of the tests; give the address of the web."""
    with web(settings) as url, processes.worker(settings), processes.clock(settings):
        yield url


@contextmanager
def web(settings: Settings) -> Iterator[str]:
    """Run a web process with room for the tabs of the tests; give its address."""
    with processes.web(settings, STREAM_LIMIT="32", WEB_THREADS="8", LOG_LEVEL="WARNING") as started:
        yield started.url

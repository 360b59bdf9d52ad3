"""A worker is killed and another started while one watches the list."""

import signal
from typing import Any

import pytest
from playwright.sync_api import expect

from app.settings import Settings
from tests.api.caller import DEFINITION, Caller
from tests.journeys import processes
from tests.journeys.upstream import serving
from tests.web.browser import Browser, web

pytestmark = pytest.mark.browser


def test_an_execution_is_seen_to_go_on_after_its_worker_was_killed(
    settings: Settings, browser: Browser, caller: Caller
) -> None:
    with (
        serving() as upstream,
        web(settings) as url,
        processes.clock(settings),
        browser.tab(url, caller) as tab,
    ):
        # The first request is answered when the second has come: from the worker that takes over.
        fetch: dict[str, Any] = {"id": "fetch", "type": "http", "timeoutSeconds": 120}
        fetch["with"] = {"url": f"{upstream.url}/orders?crowd=2"}
        made = caller.post(f"{caller.space}/workflows", {"name": "Slow", "definition": {"steps": [fetch]}})
        tab.log_in()
        first = processes.start_worker(settings, LEASE_SECONDS="3")
        try:
            tab.open(f"{tab.space}/executions")
            tab.until("document.documentElement.dataset.live === 'live'")
            caller.post(f"{caller.space}/executions", {"workflowId": made.get_json()["id"]})
            expect(tab.page.locator("tr[data-status=running]")).to_have_count(1)
            assert upstream.wait_for({"/orders": 1})
        finally:
            processes.stop(first, signal.SIGKILL)
        tab.page.evaluate("document.querySelector('tr[data-execution-id]').id = 'the-same'")

        with processes.worker(settings, LEASE_SECONDS="3"):
            expect(tab.page.locator("tr[data-status=completed]")).to_have_count(1, timeout=90_000)

        expect(tab.page.locator("tr[data-execution-id]")).to_have_id("the-same")


def test_one_is_told_that_no_worker_is_online(settings: Settings, browser: Browser, caller: Caller) -> None:
    made = caller.post(f"{caller.space}/workflows", {"name": "One", "definition": DEFINITION}).get_json()
    caller.post(f"{caller.space}/executions", {"workflowId": made["id"]})
    with web(settings) as url, browser.tab(url, caller) as tab:
        tab.log_in()
        tab.open(f"{tab.space}/executions")
        expect(tab.page.get_by_text("No worker is online")).to_be_visible()

        with processes.worker(settings):
            expect(tab.page.locator("tr[data-status=completed]")).to_have_count(1)
            expect(tab.page.get_by_text("No worker is online")).to_be_hidden(timeout=60_000)
        caller.post(f"{caller.space}/executions", {"workflowId": made["id"]})  # which waits behind the pill
        expect(tab.page.get_by_text("No worker is online")).to_be_visible(timeout=90_000)

"""The list of executions in a real browser: it changes while one looks, and one acts on it."""

import re
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Locator, expect

from tests.api.caller import DEFINITION
from tests.web import list_scenes
from tests.web.axe import violations
from tests.web.browser import Browser, Tab

pytestmark = pytest.mark.browser
WAITS: dict[str, Any] = {"steps": [{"id": "go", "type": "waitForSignal"}]}
HOSTILE = "<img src=x onerror=\"document.title='hurt'\">"
MOST_BYTES = 120 * 1024


def workflow(tab: Tab, definition: dict[str, Any] = DEFINITION, name: str = "Send invoices") -> str:
    """Save a workflow; gives its id."""
    body = {"name": name, "definition": definition}
    return str(tab.caller.post(f"{tab.caller.space}/workflows", body).get_json()["id"])


def trigger(tab: Tab, workflow_id: str, **more: Any) -> str:
    """Start an execution; gives its id."""
    made = tab.caller.post(f"{tab.caller.space}/executions", {"workflowId": workflow_id, **more})
    assert made.status_code == 202, made.text
    return str(made.get_json()["id"])


def look(tab: Tab, query: str = "") -> None:
    """Open the list and wait until it is live."""
    tab.open(f"{tab.space}/executions{query}")
    tab.until("document.documentElement.dataset.live === 'live'")


def row(tab: Tab, execution_id: str, status: str | None = None) -> Locator:
    """Find the row of an execution, with a status if asked."""
    having = f"[data-status={status}]" if status else ""
    return tab.page.locator(f'tr[data-execution-id="{execution_id}"]{having}')


def answer(tab: Tab, words: str) -> None:
    """Say yes in the dialog that asks."""
    tab.page.get_by_role("dialog").get_by_role("button", name=words).click()


def test_a_row_changes_in_place_and_new_ones_wait_behind_a_pill(page: Tab) -> None:
    waits = workflow(page, WAITS)
    first = trigger(page, waits)
    look(page)
    expect(row(page, first, "running")).to_contain_text("Running")
    page.page.evaluate("document.querySelector('tr[data-execution-id]').id = 'the-same'")

    page.caller.post(f"{page.caller.space}/executions/{first}/signals/go", {})
    expect(row(page, first, "completed").locator(".badge")).to_have_text("Completed")
    expect(row(page, first)).to_have_id("the-same")
    expect(row(page, first).locator('[data-cell="steps"]')).to_have_text("1/1")

    others = [trigger(page, waits), trigger(page, waits)]
    expect(page.page.locator("#pill")).to_have_text("2 new")
    assert row(page, others[0]).count() == 0
    page.page.locator("#pill").click()

    expect(page.page.locator("tr[data-execution-id]")).to_have_count(3)
    expect(page.page.locator("#pill")).to_be_hidden()
    expect(row(page, others[1], "running")).to_be_focused()


def test_the_first_execution_is_run_from_the_empty_list(page: Tab) -> None:
    workflow(page)
    look(page)

    page.page.get_by_role("button", name="Run Send invoices").click()

    expect(page.page.locator("tr[data-status=completed]")).to_have_count(1)
    expect(page.page.locator("tr .trigger")).to_have_text("Manual")
    expect(page.page.locator(".outcomes")).to_contain_text("1 execution")


def test_filters_are_chosen_in_menus_and_taken_away_by_their_chips(page: Tab) -> None:
    place = f"{page.url}{page.space}/executions"
    made, other = trigger(page, workflow(page)), trigger(page, workflow(page, WAITS, "Other"))
    look(page)
    bar = page.page.get_by_role("search", name="Executions")

    bar.get_by_text("Status", exact=True).click()
    bar.get_by_label("Completed").check()
    bar.get_by_label("Running").check()
    bar.get_by_role("button", name="Apply").click()
    expect(page.page).to_have_url(re.compile(r"\?status=running&status=completed$"))
    bar.get_by_text("Workflow", exact=True).click()
    bar.get_by_role("link", name="Other").click()
    expect(row(page, made)).to_have_count(0)
    expect(row(page, other)).to_be_visible()

    chip = page.page.get_by_role("link", name="Remove the filter Status Completed")
    chip.click()
    expect(chip).to_have_count(0)
    page.page.keyboard.press("/")
    page.page.keyboard.type(f"{made}\n")
    expect(page.page.get_by_text("No executions match")).to_be_visible()
    page.page.get_by_role("link", name="Clear filters").first.click()
    expect(page.page).to_have_url(place)
    expect(page.page.locator("tr[data-execution-id]")).to_have_count(2)


def test_a_time_is_chosen_in_the_histogram_and_changed_in_the_reader_s_zone(page: Tab) -> None:
    made = trigger(page, workflow(page))
    look(page)

    page.page.locator(".outcomes-chart g").last.click()
    expect(page.page).to_have_url(re.compile(r"createdAfter=.+&createdBefore=.+"))
    expect(row(page, made)).to_be_visible()
    page.page.locator("summary", has_text="Time").click()
    expect(page.page.get_by_role("textbox", name="From")).to_have_value(
        re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d")
    )
    page.page.get_by_role("textbox", name="From").fill("2026-01-15T12:00:00")
    page.page.get_by_role("textbox", name="Before").fill("")
    page.page.get_by_role("button", name="Apply").click()

    expect(page.page).to_have_url(re.compile(r"executions\?createdAfter=2026-01-15T11%3A00%3A00.000Z$"))
    expect(page.page.locator(".chip time")).to_contain_text("12:00:00")


def test_the_keyboard_walks_cancels_retries_and_opens(page: Tab) -> None:
    waits = workflow(page, WAITS)
    older, newer = trigger(page, waits), trigger(page, waits)
    look(page)
    expect(row(page, older, "running")).to_be_visible()

    page.page.keyboard.press("j")
    expect(row(page, newer)).to_be_focused()
    page.page.keyboard.press("j")
    page.page.keyboard.press("c")
    answer(page, "Cancel it")
    expect(row(page, older, "cancelled").locator(".badge")).to_have_attribute(
        "title", "Somebody cancelled it."
    )

    row(page, older).focus()
    page.page.keyboard.press("r")
    answer(page, "Retry")
    expect(page.page.locator("tr[data-execution-id]")).to_have_count(3)
    expect(page.page.locator("tr[data-execution-id] .again").first).to_have_text("2")

    page.page.keyboard.press("j")
    page.page.keyboard.press("Enter")
    expect(page.page).to_have_url(re.compile(rf"{page.space}/executions/[0-9a-f-]{{36}}$"))


def test_the_menu_of_a_row_offers_what_can_be_done(page: Tab) -> None:
    made = trigger(page, workflow(page, WAITS))
    look(page)
    menu = row(page, made).locator("summary")

    menu.click()
    expect(row(page, made).get_by_role("button", name="Retry")).to_be_hidden()
    row(page, made).get_by_role("button", name="Cancel").click()
    answer(page, "Cancel it")
    expect(row(page, made, "cancelled")).to_be_visible()
    menu.click()

    expect(row(page, made).get_by_role("button", name="Retry")).to_be_visible()


def test_many_are_cancelled_at_once_after_they_were_counted(page: Tab) -> None:
    waits = workflow(page, WAITS)
    members = [{"workflowId": waits}] * 60
    page.caller.post(f"{page.caller.space}/executions/batch", {"executions": members})
    look(page)

    row_boxes = page.page.locator("[data-pick]")
    row_boxes.nth(0).check()
    page.page.keyboard.press("j")
    expect(page.page.locator("#bulk-count")).to_have_text("1 selected")
    page.page.get_by_label("Select all executions of this page").check()
    page.page.get_by_role("button", name="Select all that match").click()
    page.page.locator("#bulk").get_by_role("button", name="Cancel").click()
    expect(page.page.get_by_role("dialog", name="Cancel 60 executions?")).to_be_visible()
    answer(page, "Cancel 60")

    expect(page.page.locator(".toast-success")).to_contain_text("60 cancelled")
    expect(page.page.locator("tr[data-status=cancelled]")).to_have_count(50)
    expect(page.page.locator("#bulk")).to_be_hidden()


def test_text_of_users_never_runs(page: Tab) -> None:
    made = trigger(
        page,
        workflow(page, {"steps": [{"id": "a", "type": "fail", "with": {"message": HOSTILE}}]}, HOSTILE),
        tags=[HOSTILE],
    )
    look(page, "?tag=" + HOSTILE)

    expect(row(page, made, "failed").locator('[data-cell="error"]')).to_contain_text(HOSTILE)
    expect(row(page, made).locator(".name")).to_have_text(HOSTILE)
    row(page, made).focus()
    page.page.keyboard.press("r")
    expect(page.page.get_by_role("dialog")).to_contain_text(HOSTILE)

    assert page.page.locator("img").count() == 0
    assert page.page.title() != "hurt"


@pytest.mark.parametrize(
    "look_of",
    [{"color_scheme": "light"}, {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}}],
    ids=["light", "dark and narrow"],
)
def test_a_full_list_breaks_no_rule_of_accessibility_and_is_light(
    app: Flask, browser: Browser, live_server: str, page: Tab, look_of: dict[str, Any]
) -> None:
    list_scenes.furnish(app, page.caller, 120)
    with browser.tab(live_server, page.caller, **look_of) as tab:
        tab.log_in()
        tab.open(f"{tab.space}/executions?within=7d")
        tab.page.get_by_label("Select all executions of this page").check()
        tab.page.locator("summary", has_text="Time").click()

        assert violations(tab.page) == []
        assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_full_page_weighs_little(app: Flask, page: Tab) -> None:
    list_scenes.furnish(app, page.caller, 120)
    loaded: list[float] = []
    network = page.page.context.new_cdp_session(page.page)
    network.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})

    look(page)

    assert page.page.locator("tr[data-execution-id]").count() == 50
    assert len(loaded) > 10
    assert sum(loaded) < MOST_BYTES

"""Schedules in a real browser: previewed as one types, made, paused, with what became of their instants."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Locator, expect

from tests.api.caller import DEFINITION
from tests.web import trigger_scenes
from tests.web.axe import violations
from tests.web.browser import Tab
from tests.web.trigger_scenes import made

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror=\"document.title='hurt'\">"


@pytest.fixture
def workflow(page: Tab) -> str:
    """Save a workflow; gives its id."""
    return str(made(page.caller, "workflows", name="Report", definition=DEFINITION)["id"])


def preview(tab: Tab) -> Locator:
    """Find the instants that the page shows for the pattern."""
    return tab.page.locator("#preview tbody tr")


def test_a_schedule_is_made_with_its_next_fires_in_both_zones_and_paused(page: Tab, workflow: str) -> None:
    page.open(f"{page.space}/schedules")
    page.page.get_by_role("link", name="Make the first one").click()
    page.page.get_by_label("Name").fill("Nightly")
    page.page.get_by_label("Workflow", exact=True).select_option("Report")
    expect(page.page.get_by_label("Time zone")).to_have_value("Europe/Paris")

    page.page.get_by_label("Pattern").fill("0 12 15 1 *")
    page.page.get_by_label("Time zone").fill("Asia/Tokyo")
    expect(preview(page)).to_have_count(5)
    expect(preview(page).first).to_contain_text(
        re.compile(r"15 Jan \d{4}, 04:00.*15 Jan \d{4}, 12:00 \+09:00")
    )
    page.page.get_by_label("Input").fill('{"report": "sales"}')
    page.page.get_by_role("button", name="Create").click()
    page.page.wait_for_url(re.compile(r"/schedules/[0-9a-f-]{36}$"))
    [saved] = page.caller.get(f"{page.caller.space}/schedules").get_json()["data"]
    assert (saved["cron"], saved["timezone"], saved["input"]) == (
        "0 12 15 1 *",
        "Asia/Tokyo",
        {"report": "sales"},
    )

    page.page.get_by_role("button", name="Pause").click()
    expect(page.page.get_by_role("button", name="Resume")).to_be_visible()
    assert page.caller.get(f"{page.caller.space}/schedules/{saved['id']}").get_json()["enabled"] is False
    page.open(f"{page.space}/schedules")
    page.page.get_by_role("button", name="Resume Nightly").click()
    expect(page.page.get_by_role("button", name="Pause Nightly")).to_be_visible()


def test_a_pattern_that_cannot_be_is_said_beside_it_and_what_is_missing_at_its_field(
    page: Tab, workflow: str
) -> None:
    page.open(f"{page.space}/schedules/new?workflowId={workflow}")
    expect(page.page.get_by_label("Workflow", exact=True)).to_have_value(workflow)

    page.page.get_by_label("Pattern").fill("0 0")
    expect(page.page.locator("#preview")).to_contain_text("A pattern has 5 fields")
    page.page.get_by_role("button", name="Create").click()
    expect(page.page.locator("#name-error")).to_have_text("Fill this in.")
    expect(page.page.get_by_label("Name")).to_be_focused()
    assert page.faults == []

    page.page.get_by_label("Name").fill("x")
    page.page.get_by_label("Pattern").fill("0 0 31 2 *")
    page.page.get_by_role("button", name="Create").click()
    expect(page.page.locator("#cron-error")).to_have_text("Never fires: there is no such day.")
    expect(page.page.get_by_label("Pattern")).to_have_attribute("aria-invalid", "true")
    assert all("422" in fault for fault in page.faults)
    page.faults.clear()


def test_a_fire_appears_in_the_history_and_leads_to_its_execution(page: Tab, workflow: str) -> None:
    body = {"name": "Often", "workflowId": workflow, "cron": "* * * * * *"}
    schedule = made(page.caller, "schedules", **body)["id"]
    page.open(f"{page.space}/schedules/{schedule}")

    page.page.locator("#news").wait_for()
    page.caller.ask("PATCH", f"{page.caller.space}/schedules/{schedule}", {"enabled": False})
    page.page.locator("#news").click()
    fired = page.page.locator("#fires tr[data-outcome=fired]").first
    expect(fired.locator(".badge")).to_have_text("Fired")
    fired.get_by_role("link").click()

    page.page.wait_for_url(re.compile(r"/executions/[0-9a-f-]{36}$"))


def test_nothing_stands_in_a_reader_s_way_and_names_never_run(page: Tab, app: Flask) -> None:
    places = trigger_scenes.furnish(app, page.caller)
    workflow = made(page.caller, "workflows", name=HOSTILE, definition=DEFINITION)["id"]
    hostile = made(page.caller, "schedules", name=HOSTILE, workflowId=workflow, cron="@daily", input=HOSTILE)[
        "id"
    ]

    for path in ("schedules", places["schedule"], f"schedules/{hostile}", "schedules/new"):
        page.open(f"{page.space}/{path}")
        if path != "schedules":
            expect(preview(page)).to_have_count(5)
        assert violations(page.page) == [], path
        assert page.page.locator("img").count() == 0

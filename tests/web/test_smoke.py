"""The pages in a real browser: log in, see the spaces, walk the tabs, log out."""

import re

import pytest
from playwright.sync_api import expect

from tests.web.browser import Tab

pytestmark = pytest.mark.browser
TABS = ("Executions", "Workflows", "Schedules", "Webhooks")


def test_one_logs_in_and_sees_the_spaces(tab: Tab) -> None:
    tab.log_in()

    expect(tab.page.get_by_role("heading", name="Spaces")).to_be_visible()
    expect(tab.page.get_by_role("link", name="default")).to_be_visible()


def test_a_wrong_key_is_said_beside_the_field(tab: Tab) -> None:
    tab.open("/login")

    tab.page.get_by_label("API key").fill("lin_wrong")
    tab.page.get_by_role("button", name="Log in").click()

    expect(tab.page.get_by_text("This is no valid API key")).to_be_visible()
    assert len(tab.faults) == 1, tab.faults
    assert "401" in tab.faults.pop()


def test_the_tabs_of_a_space_lead_to_its_pages(page: Tab) -> None:
    page.page.get_by_role("link", name="default").click()

    for name in TABS:
        page.page.get_by_label("Space", exact=True).get_by_role("link", name=name).click()

        expect(page.page).to_have_url(f"{page.url}{page.space}/{name.lower()}")
        expect(page.page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        expect(page.page.locator(".tabs [aria-current=page]")).to_have_text(name)


def test_a_space_is_made_in_a_dialog(page: Tab) -> None:
    page.page.get_by_role("button", name="New space").click()
    page.page.get_by_label("Name").fill("<b>Bills</b> & more")
    page.page.get_by_role("button", name="Create").click()

    expect(page.page).to_have_url(re.compile(r"/spaces/[0-9a-f-]{36}/executions$"))
    expect(page.page.locator(".crumb-here")).to_have_text("<b>Bills</b> & more")


def test_times_are_relative_and_in_full_in_the_reader_s_zone_on_hover(page: Tab) -> None:
    time = page.page.locator("time").first

    expect(time).to_have_text(re.compile(r"^(now|\d+\s?(s|min|m) ago)$"))
    expect(time).to_have_attribute("title", re.compile(r"CET|CEST|GMT\+[12]"))


def test_a_question_mark_shows_the_shortcuts(page: Tab) -> None:
    page.page.keyboard.press("?")

    expect(page.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.page.keyboard.press("Escape")
    expect(page.page.get_by_role("dialog")).to_have_count(0)


def test_icons_are_drawn_under_the_policy(page: Tab) -> None:
    drawn = page.page.locator(".card-link .icon").first.evaluate("icon => icon.getBBox().width")

    assert drawn > 0


def test_one_logs_out(page: Tab) -> None:
    page.page.get_by_role("button", name="Log out").click()
    page.page.wait_for_url(f"{page.url}/login")

    page.open("/")

    expect(page.page).to_have_url(f"{page.url}/login")

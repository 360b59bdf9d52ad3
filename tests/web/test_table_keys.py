"""The keyboard in the lists of workflows, schedules and webhooks, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.api.caller import DEFINITION
from tests.web.browser import Tab
from tests.web.trigger_scenes import made

pytestmark = pytest.mark.browser
NAMES = ("First", "Second")


@pytest.mark.parametrize("noun", ["workflows", "schedules", "webhooks"])
def test_rows_are_walked_and_opened_and_the_help_tells_so(page: Tab, noun: str) -> None:
    of = made(page.caller, "workflows", name="First", definition=DEFINITION)["id"]
    more = {
        "workflows": {"definition": DEFINITION},
        "schedules": {"workflowId": of, "cron": "@daily"},
        "webhooks": {"workflowId": of},
    }[noun]
    for name in NAMES[1:] if noun == "workflows" else NAMES:
        made(page.caller, noun, name=name, **more)
    page.open(f"{page.space}/{noun}")
    focused = page.page.locator("tr:focus .name")

    page.page.keyboard.press("j")
    expect(focused).to_have_text("Second")
    page.page.keyboard.press("j")
    page.page.keyboard.press("j")
    expect(focused).to_have_text("First")
    page.page.keyboard.press("k")
    expect(focused).to_have_text("Second")
    page.page.keyboard.press("?")
    for sentence in ("Next row", "Previous row", "Open the row"):
        expect(page.page.get_by_role("dialog")).to_contain_text(sentence)
    page.page.keyboard.press("Escape")
    page.page.keyboard.press("j")
    page.page.keyboard.press("Enter")

    expect(page.page).to_have_url(re.compile(rf"/{noun}/[0-9a-f-]{{36}}$"))
    expect(page.page.locator("body")).to_contain_text("First")

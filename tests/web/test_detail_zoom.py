"""The waterfall of an execution's page, zoomed by buttons, keys and dragging, in a real browser."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Locator, expect

from app.clock import now
from tests.api.caller import Caller
from tests.api.execution_rows import add_execution, add_step
from tests.journeys.traveller import value
from tests.web.axe import violations
from tests.web.browser import Browser, Tab
from tests.web.detail_scenes import looks_at

pytestmark = pytest.mark.browser
SECONDS = {"first": (0, 2), "middle": (2, 9), "last": (9, 10)}
ALL = "All of 10.0 s"


def ten_seconds(app: Flask, caller: Caller) -> str:
    """Make an execution whose three steps took ten seconds; give its id."""
    definition = {"steps": [value(name, 1) for name in SECONDS]}
    workflow = caller.post(f"{caller.space}/workflows", {"name": "w", "definition": definition}).get_json()
    start = now() - timedelta(minutes=1)
    ends = {"created_at": start, "started_at": start, "completed_at": start + timedelta(seconds=10)}
    made = add_execution(app, workflow, **ends, steps_total=3, steps_done=3)
    for position, (name, (begin, end)) in enumerate(SECONDS.items()):
        times = {
            "started_at": start + timedelta(seconds=begin),
            "completed_at": start + timedelta(seconds=end),
        }
        add_step(app, workflow, made, step_id=name, position=position, **times)
    return made


def said(tab: Tab) -> Locator:
    """Find what screen readers are told of the time that is shown."""
    return tab.page.locator(".wf-said")


def away(tab: Tab) -> list[str | None]:
    """Tell of each step's bars whether they are shown (""), or where they are instead."""
    return [row.get_attribute("data-away") for row in tab.page.locator("[data-step-id] .wf-track").all()]


def marked(tab: Tab) -> list[str]:
    """Give the marks that stand on lines whose bars are out of sight."""
    rows = tab.page.locator("[data-step-id] .wf-track").all()
    return [row.evaluate("row => getComputedStyle(row, '::after').content") for row in rows]


def drag(tab: Tab, begin: float, end: float) -> None:
    """Drag over the bars of the middle step, between two shares of the axis."""
    axis = tab.page.locator(".wf-axis").bounding_box()
    row = tab.page.locator("#step-middle .wf-track").bounding_box()
    assert axis
    assert row
    height = row["y"] + row["height"] / 2
    tab.page.mouse.move(axis["x"] + begin * axis["width"], height)
    tab.page.mouse.down()
    tab.page.mouse.move(axis["x"] + end * axis["width"], height + 2, steps=4)
    tab.page.mouse.up()


def test_keys_zoom_move_and_show_all_again(app: Flask, page: Tab) -> None:
    looks_at(page.caller, page, ten_seconds(app, page.caller))
    expect(page.page.get_by_role("button", name="Zoom out")).to_have_attribute("aria-disabled", "true")

    page.page.keyboard.press("+")
    expect(said(page)).to_have_text("2.5 s to 7.5 s of 10.0 s")
    zoomed, marks = away(page), marked(page)
    page.page.keyboard.press("l")
    expect(said(page)).to_have_text("5.0 s to 10.0 s of 10.0 s")
    page.page.keyboard.press("j")
    page.page.keyboard.press("z")
    expect(said(page)).to_have_text("0 ms to 2.2 s of 10.0 s")
    at_first = away(page)
    page.page.keyboard.press("0")

    expect(said(page)).to_have_text(ALL)
    assert zoomed == ["earlier", "", "later"]
    assert marks == ['"\u2039"', "none", '"\u203a"']
    assert at_first == ["", "", "later"]
    assert away(page) == ["", "", ""]


def test_buttons_zoom_in_to_milliseconds_and_out_again(app: Flask, page: Tab) -> None:
    looks_at(page.caller, page, ten_seconds(app, page.caller))
    closer, further = (page.page.get_by_role("button", name=f"Zoom {way}") for way in ("in", "out"))

    closer.focus()
    for _ in range(12):
        page.page.keyboard.press("Enter")
    expect(closer).to_have_attribute("aria-disabled", "true")
    marks = page.page.locator(".wf-tick").all_text_contents()
    further.focus()
    for _ in range(12):
        page.page.keyboard.press("Space")

    expect(said(page)).to_have_text(ALL)
    assert marks == sorted(set(marks))
    assert all(re.fullmatch(r"(4\.99\d|5\.00\d) s", mark) for mark in marks)


def test_dragging_over_the_bars_zooms_and_chooses_no_step(app: Flask, page: Tab) -> None:
    looks_at(page.caller, page, ten_seconds(app, page.caller))

    drag(page, 0.8, 0.4)

    expect(said(page)).to_have_text(re.compile(r"^(4\.0|3\.9) s to (8\.0|7\.9) s of 10\.0 s$"))
    assert page.page.locator(".wf-range").is_hidden()
    assert "step=" not in page.page.url
    page.page.get_by_role("button", name="Show all of the time").click()
    page.page.locator("#step-middle a").click()
    expect(page.page.locator("#chosen")).to_contain_text("middle")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_a_zoomed_waterfall_breaks_no_rule_of_accessibility(
    app: Flask, browser: Browser, live_server: str, caller: Caller, scheme: str, width: int
) -> None:
    made = ten_seconds(app, caller)
    look = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}, "reduced_motion": "reduce"}

    with browser.tab(live_server, caller, **look) as tab:
        tab.log_in()
        looks_at(caller, tab, made)
        drag(tab, 0.1, 0.3)
        found = violations(tab.page)
        beyond = tab.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        text = said(tab).text_content() or ""

    assert found == []
    assert beyond <= 0
    assert text.endswith("of 10.0 s")
    assert text != ALL

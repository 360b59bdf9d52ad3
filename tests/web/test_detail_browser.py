"""The page of one execution in a real browser: it changes while one looks, and one acts on it."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.journeys.traveller import Traveller, value
from tests.web.axe import violations
from tests.web.browser import Browser, Tab
from tests.web.detail_scenes import ORDER, PRICES, failing, looks_at, repeated, waiting

pytestmark = pytest.mark.browser
Json = Any
HOSTILE = "</script><img src=x onerror=\"document.title='hurt'\">"
SIGNAL = {"id": "approval", "type": "waitForSignal"}


@pytest.fixture
def traveller(page: Tab) -> Traveller:
    """Give the tab's member over the API."""
    return Traveller(page.caller)


def step(tab: Tab, step_id: str, status: str | None = None) -> Locator:
    """Find the line of a step, with a status if asked."""
    having = f'[data-status="{status}"]' if status else ""
    return tab.page.locator(f'[data-step-id="{step_id}"]{having}')


def watch(tab: Tab, execution_id: str, step_id: str | None = None) -> None:
    """Open the page of an execution that is under way, until its stream is open."""
    looks_at(tab.caller, tab, execution_id, step_id)
    tab.until("document.documentElement.dataset.live === 'live'")


def chosen(tab: Tab) -> Locator:
    """Find the pane of the chosen step."""
    return tab.page.locator("#chosen")


def head(tab: Tab) -> Locator:
    """Find the badge of the execution."""
    return tab.page.locator("[data-fact=badge]")


def test_steps_change_while_one_looks_and_a_signal_lets_them_go_on(page: Tab, traveller: Traveller) -> None:
    made = waiting(traveller)
    watch(page, made)
    expect(step(page, "done", "pending")).to_be_visible()
    page.page.evaluate("document.querySelector('[data-step-id=done]').title = 'the same'")

    page.page.locator("#notices").get_by_role("link", name="approval").click()
    page.page.get_by_label("Payload (JSON)").fill('{"by": ')
    page.page.get_by_role("button", name="Send the signal").click()
    expect(page.page.get_by_text("This is no JSON")).to_be_visible()
    page.page.get_by_label("Payload (JSON)").fill('{"by": "Ann"}')
    page.page.get_by_role("button", name="Send the signal").click()

    expect(step(page, "approval", "completed")).to_be_visible()
    expect(step(page, "done", "completed")).to_have_attribute("title", "the same")
    expect(head(page)).to_have_text("Completed")
    expect(chosen(page).locator(".json-tree")).to_contain_text('by: "Ann"')
    expect(page.page.get_by_role("button", name="Retry", exact=True)).to_be_visible()
    expect(page.page.locator("#notices")).to_be_empty()
    expect(page.page.locator("#said")).to_have_text("Execution: completed")
    expect(chosen(page)).to_be_focused()


def test_a_child_that_begins_while_one_looks_is_linked(page: Tab, traveller: Traveller) -> None:
    child = traveller.workflow(value("small", 1))
    starts = {"id": "starts", "type": "workflow", "with": {"workflowId": child}}
    made = traveller.trigger(traveller.workflow(SIGNAL, starts))
    traveller.until(made, "approval", "waiting")
    watch(page, made)
    expect(page.page.locator("#related-children")).to_be_hidden()

    page.caller.post(f"{page.caller.space}/executions/{made}/signals/approval")
    page.page.locator("#related-children").get_by_role("link").click()

    expect(step(page, "small", "completed")).to_be_visible()
    expect(page.page.locator("#related-parent")).to_contain_text(made[-8:])


def test_one_cancels_with_a_reason(page: Tab, traveller: Traveller) -> None:
    made = traveller.trigger(traveller.workflow(SIGNAL, value("after", 1)))
    traveller.until(made, "approval", "waiting")
    watch(page, made)

    page.page.keyboard.press("c")
    dialog = page.page.get_by_role("dialog", name="Cancel this execution?")
    dialog.get_by_label("Reason").fill("Not wanted any more")
    dialog.get_by_role("button", name="Cancel it").click()

    expect(dialog).to_have_count(0)
    expect(head(page)).to_have_text("Cancelled")
    expect(page.page.locator("#notices")).to_contain_text("Not wanted any more")
    expect(step(page, "approval", "cancelled")).to_be_visible()
    expect(step(page, "after", "skipped")).to_be_visible()
    expect(page.page.get_by_role("button", name="Cancel", exact=True)).to_be_hidden()


def test_one_retries_from_a_step_and_sees_the_difference(page: Tab, traveller: Traveller) -> None:
    made = traveller.run(
        value("one", {"n": "${{ input.n }}"}), value("two", "${{ input.n }}"), input={"n": 1}
    )
    looks_at(page.caller, page, made["id"], "two")

    page.page.keyboard.press("r")
    dialog = page.page.get_by_role("dialog", name="Retry this execution")
    dialog.get_by_label("Begin").select_option("two")
    dialog.get_by_label("Input").fill('{"n": 2}')
    dialog.get_by_role("button", name="Retry").click()
    page.page.wait_for_url(lambda address: made["id"] not in address)

    expect(head(page)).to_have_text("Completed")
    expect(step(page, "one")).to_contain_text("taken over")
    page.page.get_by_role("tab", name="Difference").click()
    table = page.page.get_by_role("table")
    expect(table.get_by_role("row", name=re.compile("one"))).to_contain_text("the same")
    expect(table.get_by_role("row", name=re.compile("two"))).to_contain_text("changed")
    expect(page.page.locator(".places li")).to_have_text(["input.n 1 2", "output 1 2"])
    expect(page.page.locator("#related-original")).to_contain_text(made["id"][-8:])


def test_the_menu_retries_from_the_chosen_step(page: Tab, traveller: Traveller) -> None:
    made = traveller.run(value("one", 1), value("two", 2))
    looks_at(page.caller, page, made["id"])

    page.page.keyboard.press("j")
    page.page.keyboard.press("j")
    expect(chosen(page).get_by_role("heading", name="two")).to_be_visible()
    page.page.keyboard.press("Enter")
    expect(chosen(page)).to_be_focused()
    page.page.get_by_label("Ways to retry").click()
    page.page.get_by_role("button", name="From the step two").click()
    page.page.wait_for_url(lambda address: made["id"] not in address)

    expect(head(page)).to_have_text("Completed")
    expect(step(page, "one")).to_contain_text("taken over")


def test_an_error_leads_to_its_step_with_its_attempts(page: Tab, traveller: Traveller) -> None:
    looks_at(page.caller, page, failing(traveller), "load_order")

    page.page.get_by_role("link", name="Go to the failed step ship").click()

    expect(chosen(page)).to_contain_text("No connection")
    expect(chosen(page).locator(".attempts li")).to_have_count(3)
    expect(step(page, "ship").locator(".wf-bar-failed")).to_have_count(3)
    expect(step(page, "pause").locator(".wf-hatch")).to_have_count(1)
    page.page.get_by_role("tab", name="Graph").click()
    expect(page.page.locator('[data-node="ship"]')).to_have_class(re.compile("node-failed"))
    page.page.locator('[data-node="price"]').click()
    expect(chosen(page).locator(".item")).to_have_count(40)


def test_values_are_folded_searched_and_loaded_whole(page: Tab, traveller: Traveller) -> None:
    long = {
        "id": "long",
        "type": "code",
        "with": {"source": "return {text: 'x'.repeat(70000), last: 'here'};"},
    }
    made = traveller.run(ORDER, long, input={"customer": {"name": "Ann"}})
    looks_at(page.caller, page, made["id"], "load_order")
    lines = chosen(page).get_by_role("tree", name="Output")

    chosen(page).get_by_label("Search in Output").fill("A-17")
    expect(lines.locator(".json-now")).to_contain_text("A-17")
    expect(chosen(page).locator(".json-where").first).to_contain_text("steps.load_order.output.lines[17].sku")
    lines.get_by_role("treeitem", name="lines").click()
    expect(lines.locator(".json-now")).to_have_count(0)
    step(page, "long").locator("a").click()
    page.page.route("**/steps/long", lambda route: route.abort())
    chosen(page).get_by_role("button", name="Load the whole output").click()
    expect(page.page.get_by_text("The server cannot be reached")).to_be_visible()
    page.page.unroute("**/steps/long")
    page.faults.clear()
    chosen(page).get_by_role("button", name="Load the whole output").click()

    expect(chosen(page).get_by_role("tree", name="Output")).to_contain_text("here")


def test_failed_items_are_found_among_many_and_a_skipped_step_says_why(
    page: Tab, traveller: Traveller
) -> None:
    check = {
        "id": "check",
        "type": "transform",
        "forEach": "${{ Array.from({length: 60}, (_, i) => i) }}",
        "with": {"value": "${{ item === 57 ? item.no.such : item }}"},
    }
    made = traveller.run(check, value("after", 1))
    looks_at(page.caller, page, made["id"])

    chosen(page).get_by_text("Items", exact=True).last.click()
    expect(chosen(page).locator(".paged .item")).to_have_count(50)
    chosen(page).get_by_label("Only what failed").check()
    expect(chosen(page).locator(".paged .item")).to_have_text([re.compile("57Failed")])
    step(page, "after").locator("a").click()

    expect(chosen(page)).to_contain_text("None of the steps that it needs completed: check (failed).")


def test_what_users_write_never_runs(page: Tab, traveller: Traveller) -> None:
    steps: list[dict[str, Json]] = [
        {**value("shown", {HOSTILE: HOSTILE}), "name": HOSTILE},
        {**PRICES, "id": "each", "forEach": "${{ [input.text] }}", "with": {"value": "${{ item }}"}},
        {"id": "says", "type": "code", "with": {"source": "console.log(input.text); return input.text;"}},
        {"id": "ends", "type": "fail", "with": {"message": HOSTILE}},
    ]
    made = traveller.run(*steps, input={"text": HOSTILE})

    for asked in ("", "shown", "each", "says", "ends"):
        looks_at(page.caller, page, made["id"], asked or None)
        expect(chosen(page)).to_contain_text("onerror")
        for tab in page.page.get_by_role("tab").all():
            tab.click()

        assert page.page.locator("img").count() == 0
        assert "hurt" not in page.page.title()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_no_rule_of_accessibility_is_broken(
    browser: Browser, live_server: str, traveller: Traveller, scheme: str, width: int
) -> None:
    shown = [failing(traveller), repeated(traveller)] if scheme == "light" else [waiting(traveller)]

    with browser.tab(
        live_server, traveller.api, color_scheme=scheme, viewport={"width": width, "height": 800}
    ) as tab:
        tab.log_in()
        for execution_id in shown:
            looks_at(tab.caller, tab, execution_id, "approval" if scheme == "dark" else None)
            for view in tab.page.get_by_role("tab").all():
                view.click()
                expect(tab.page.locator("[role=tabpanel]:visible > :not(p)").first).to_be_visible()
                assert violations(tab.page) == []
        tab.page.keyboard.press("c" if scheme == "dark" else "r")
        expect(tab.page.get_by_role("dialog")).to_be_visible()
        assert violations(tab.page) == []
        beyond = tab.page.evaluate("document.documentElement.scrollWidth - innerWidth")

    assert beyond <= 0

"""What scripts of pages share, in a real browser: streams, requests, elements."""

import pytest
from playwright.sync_api import expect

from tests.api.caller import DEFINITION
from tests.web.browser import Tab

pytestmark = pytest.mark.browser
LOAD = "window.linea = await import(document.querySelector('script[type=module]').src)"
HOSTILE = "<img src=x onerror=\"document.title='hurt'\">"


@pytest.fixture
def scripted(page: Tab) -> Tab:
    """Open a page of the space with the shared script at hand as `linea`."""
    page.open(f"{page.space}/executions")
    page.page.evaluate(f"(async () => {{ {LOAD} }})()")
    return page


def trigger(tab: Tab) -> str:
    """Save a workflow and start it in the session; gives the execution's id."""
    made = tab.page.evaluate(
        """async (definition) => {
            const workflow = await linea.api("workflows", {method: "POST", body: {name: "w", definition}});
            return linea.api("executions", {method: "POST", body: {workflowId: workflow.id}});
        }""",
        DEFINITION,
    )
    assert made["triggeredBy"] == "manual"
    return str(made["id"])


def test_a_stream_tells_what_becomes_of_an_execution(scripted: Tab) -> None:
    scripted.page.evaluate(
        """() => {
            window.seen = [];
            window.stop = linea.live(`${linea.page.api}/executions/stream`, {
                onExecution: (execution) => seen.push(`${execution.id} ${execution.status}`),
            });
        }"""
    )
    scripted.until("document.documentElement.dataset.live === 'live'")

    made = trigger(scripted)

    scripted.until(f"seen.includes('{made} completed')")
    scripted.page.evaluate("stop()")


def test_a_stream_that_is_refused_falls_back_to_asking(scripted: Tab) -> None:
    scripted.page.route("**/nowhere/stream", lambda route: route.fulfill(status=503))

    scripted.page.evaluate(
        """() => { window.asked = 0; linea.live("/nowhere/stream", {onPoll: () => { asked += 1; }}); }"""
    )

    scripted.until("asked > 0")
    assert scripted.page.evaluate("document.documentElement.dataset.live") == "polling"
    assert all("503" in fault for fault in scripted.faults)
    scripted.faults.clear()


def test_a_refusal_of_the_api_is_said_in_its_words(scripted: Tab) -> None:
    code = scripted.page.evaluate(
        """async () => {
            const refused = linea.api("workflows", {method: "POST", body: {}});
            return refused.catch((error) => error.code);
        }"""
    )

    assert code == "validation_failed"
    expect(scripted.page.locator(".toast-danger")).to_contain_text("name")
    assert [("422" in fault) for fault in scripted.faults] == [True]
    scripted.faults.clear()


def test_text_of_users_never_becomes_elements(scripted: Tab) -> None:
    scripted.page.evaluate(
        """(text) => {
            linea.toast(text, "danger");
            document.querySelector("main").append(
                linea.el("p", {title: text, class: "hostile"}, text),
                linea.badge(text, text),
                linea.copyButton(text),
            );
        }""",
        HOSTILE,
    )

    expect(scripted.page.locator(".hostile")).to_have_text(HOSTILE)
    assert scripted.page.locator("img").count() == 0
    assert scripted.page.title() != "hurt"


def test_asking_before_something_is_done_gives_the_answer(scripted: Tab) -> None:
    scripted.page.evaluate(
        """() => {
            const asked = linea.ask({title: "Cancel 2?", action: "Cancel them", danger: true});
            asked.then((answer) => { window.answer = answer; });
        }"""
    )

    scripted.page.get_by_role("dialog", name="Cancel 2?").get_by_role("button", name="Cancel them").click()

    scripted.until("window.answer === true")
    expect(scripted.page.get_by_role("dialog")).to_have_count(0)


def test_a_duration_ticks_and_a_shortcut_acts_unless_one_types(scripted: Tab) -> None:
    scripted.page.evaluate(
        """() => {
            const since = new Date(Date.now() - 65_000).toISOString();
            document.querySelector("main").append(linea.took(null, since), linea.el("input", {id: "typed"}));
            window.pressed = 0;
            linea.shortcut("x", "Count", () => { pressed += 1; });
        }"""
    )
    scripted.page.keyboard.press("x")
    scripted.page.locator("#typed").press("x")

    expect(scripted.page.locator("main [data-since]")).to_contain_text("1 m")
    assert scripted.page.evaluate("pressed") == 1

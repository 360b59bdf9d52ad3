"""Workflows in a real browser: written with marks as one types, saved, run, compared."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Dialog, Locator, expect

from tests.api.caller import DEFINITION
from tests.web.axe import violations
from tests.web.browser import Tab
from tests.web.trigger_scenes import made

pytestmark = pytest.mark.browser
HOSTILE = "</textarea><img src=x onerror=\"document.title='hurt'\">"
NEEDS_A_NAME: dict[str, Any] = DEFINITION | {
    "inputSchema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
}


def editor(tab: Tab) -> Locator:
    """Find the text of the definition."""
    return tab.page.get_by_role("textbox", name="Definition")


def state(tab: Tab) -> Locator:
    """Find what the editor says of its text."""
    return tab.page.locator("#editor-state")


def save(tab: Tab, name: str = "Greet", definition: dict[str, Any] = DEFINITION) -> str:
    """Save a workflow over the API and open its page; gives its id."""
    workflow_id = str(made(tab.caller, "workflows", name=name, definition=definition)["id"])
    tab.open(f"{tab.space}/workflows/{workflow_id}")
    expect(state(tab)).to_contain_text("Valid")
    return workflow_id


def forgive(tab: Tab, status: str) -> None:
    """Forget the one refusal that the test was about; the browser logs each."""
    assert [status in fault for fault in tab.faults] == [True], tab.faults
    tab.faults.clear()


def test_one_writes_a_workflow_mends_its_fault_and_runs_it(page: Tab) -> None:
    page.open(f"{page.space}/workflows")
    page.page.get_by_role("link", name="Write the first one").click()
    page.page.get_by_label("Name").fill("Greet")
    faulty = editor(page).input_value().replace('"transform"', '"transfrom"')

    editor(page).fill(faulty)
    fault = page.page.locator(".fault")
    expect(fault).to_contain_text("line 5")
    expect(fault).to_contain_text("steps[0].type")
    expect(page.page.locator(".editor-band-error")).to_have_count(1)
    expect(page.page.locator("#graph .node")).to_have_count(1)
    fault.click()
    expect(editor(page)).to_be_focused()
    assert editor(page).evaluate("area => area.value.slice(0, area.selectionStart).split('\\n').length") == 5

    editor(page).fill(faulty.replace("transfrom", "transform"))
    expect(state(page)).to_have_text(re.compile("Valid"))
    expect(fault).to_have_count(0)
    page.page.get_by_role("button", name="Create").click()
    page.page.wait_for_url(re.compile(r"/workflows/[0-9a-f-]{36}$"))

    page.page.get_by_role("button", name="Run", exact=True).click()
    dialog = page.page.get_by_role("dialog", name="Run Greet")
    dialog.get_by_label("Input").fill('{"name": "Ann"}')
    dialog.get_by_role("button", name="Run").click()
    page.page.wait_for_url(re.compile(r"/executions/[0-9a-f-]{36}$"))
    made_id = page.page.url.rpartition("/")[2]
    shown = page.caller.get(f"{page.caller.space}/executions/{made_id}").get_json()
    assert (shown["input"], shown["triggeredBy"], shown["workflowName"]) == (
        {"name": "Ann"},
        "manual",
        "Greet",
    )


def test_what_one_wrote_outlives_the_session(page: Tab) -> None:
    save(page)
    page.page.context.clear_cookies()
    editor(page).fill(editor(page).input_value().replace('"transform",', '"transform", "name": "Mine",'))
    expect(state(page)).to_contain_text("You are logged out")

    with page.page.context.expect_page() as opened:
        state(page).get_by_role("link", name="Log in").click()
    opened.value.get_by_label("API key").fill(page.caller.key)
    opened.value.get_by_role("button", name="Log in").click()
    opened.value.wait_for_url(f"{page.url}/")
    page.faults.clear()
    page.page.get_by_role("button", name="Save", exact=True).click()

    expect(page.page.locator("#toasts")).to_contain_text("Saved as version 2.")
    forgive(page, "403")  # the token of the session before, which was renewed


def test_a_broken_text_is_marked_where_it_breaks_before_anybody_is_asked(page: Tab) -> None:
    save(page)

    editor(page).fill('{\n  "steps": [],\n  "output": 1,\n  "output": 2\n}')
    expect(page.page.locator(".fault")).to_contain_text('line 4There is another "output" before this one.')
    editor(page).fill('{\n  "steps": [\n    1 2\n  ]\n}')
    expect(page.page.locator(".fault")).to_contain_text("line 3A comma or ] is missing here.")

    page.page.once("dialog", Dialog.accept)


def test_tab_indents_and_a_new_line_begins_where_the_one_before_it_did(page: Tab) -> None:
    save(page)
    editor(page).fill("")

    editor(page).press_sequentially('{\n"steps": [')
    editor(page).press("Enter")
    editor(page).press_sequentially("1")
    assert editor(page).input_value() == '{\n  "steps": [\n    1'
    editor(page).press("ControlOrMeta+a")
    editor(page).press("Tab")
    assert editor(page).input_value() == '  {\n    "steps": [\n      1'
    editor(page).press("Shift+Tab")
    assert editor(page).input_value() == '{\n  "steps": [\n    1'
    editor(page).press("Escape")
    editor(page).press("Tab")
    expect(editor(page)).not_to_be_focused()

    page.page.once("dialog", Dialog.accept)


def test_saving_makes_a_version_that_can_be_compared_and_runs_begin_from_the_last_input(page: Tab) -> None:
    workflow_id = save(page)
    page.caller.post(f"{page.caller.space}/executions", {"workflowId": workflow_id, "input": {"name": "Bob"}})
    expect(page.page.get_by_role("button", name="Save", exact=True)).to_be_disabled()

    editor(page).fill(editor(page).input_value().replace('"value": 1', '"value": 2'))
    editor(page).press("ControlOrMeta+s")
    expect(page.page.locator(".toast-success")).to_contain_text("Saved as version 2.")
    expect(page.page.locator("#version")).to_have_text("2")

    page.page.get_by_role("button", name="Run", exact=True).click()
    expect(page.page.get_by_label("Input")).to_have_value(re.compile(r'"name": "Bob"'))
    page.page.keyboard.press("Escape")
    page.page.get_by_role("link", name="v2").click()
    expect(page.page.locator(".diff-removed code")).to_contain_text('"value": 1')
    expect(page.page.locator(".diff-added code")).to_contain_text('"value": 2')


def test_what_somebody_else_saved_is_not_written_over_unasked(page: Tab) -> None:
    workflow_id = save(page)
    path = f"{page.caller.space}/workflows/{workflow_id}"
    page.caller.ask("PATCH", path, {"definition": DEFINITION | {"output": "theirs"}})

    editor(page).fill(editor(page).input_value().replace('"value": 1', '"value": 3'))
    page.page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.page.get_by_role("dialog", name="Somebody else changed this workflow")
    expect(dialog).to_contain_text("It is at version 2 now; you started from version 1.")
    assert page.caller.get(path).get_json()["definition"]["output"] == "theirs"
    dialog.get_by_role("button", name="Save mine over it").click()

    expect(page.page.locator(".toast-success")).to_contain_text("Saved as version 3.")
    assert page.caller.get(path).get_json()["definition"]["steps"][0]["with"] == {"value": 3}
    forgive(page, "412")


def test_an_input_that_does_not_fit_is_said_in_the_dialog(page: Tab) -> None:
    save(page, definition=NEEDS_A_NAME)
    page.page.get_by_role("button", name="Run", exact=True).click()
    dialog = page.page.get_by_role("dialog")

    dialog.get_by_role("button", name="Run").click()
    expect(dialog.locator(".field-error")).to_contain_text("'name' is a required property")
    expect(dialog.get_by_label("Input")).to_have_attribute("aria-invalid", "true")
    forgive(page, "422")

    dialog.get_by_label("Input").fill("{")
    dialog.get_by_role("button", name="Run").click()
    expect(dialog.locator(".field-error")).to_contain_text("Line 1: The text ends too early.")


def test_a_workflow_is_renamed_limited_disabled_and_deleted(page: Tab) -> None:
    path = f"{page.caller.space}/workflows/{save(page)}"
    more = page.page.get_by_label("More actions")

    more.click()
    page.page.get_by_role("button", name="Rename and limit").click()
    dialog = page.page.get_by_role("dialog", name="Rename and limit")
    dialog.get_by_label("Name").fill(HOSTILE)
    dialog.get_by_label("At once").fill("3")
    dialog.get_by_role("button", name="Save").click()
    expect(page.page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(page.page.locator("#limit")).to_have_text("3")
    assert page.caller.get(path).get_json()["maxConcurrency"] == 3

    more.click()
    page.page.get_by_role("button", name="Disable").click()
    expect(page.page.locator("#state")).to_have_text("Disabled")
    expect(page.page.get_by_role("button", name="Run", exact=True)).to_be_disabled()
    more.click()
    page.page.get_by_role("button", name="Delete").click()
    page.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.page.wait_for_url(re.compile(r"/workflows$"))
    assert page.caller.get(path).status_code == 404


def test_text_of_users_never_runs_and_nothing_stands_in_a_reader_s_way(page: Tab) -> None:
    step = {"id": "a", "type": "transform", "name": HOSTILE, "with": {"value": HOSTILE}, "timeoutSeconds": 0}
    workflow_id = save(page, HOSTILE, DEFINITION | {"output": HOSTILE})
    assert violations(page.page) == []

    more = f'"steps": [{json.dumps(step)}, {json.dumps({HOSTILE: 1})},'
    editor(page).fill(editor(page).input_value().replace('"steps": [', more))
    expect(page.page.locator(".fault").first).to_be_visible()
    assert violations(page.page) == []
    page.page.once("dialog", Dialog.accept)
    page.open(f"{page.space}/workflows")
    assert violations(page.page) == []
    page.open(f"{page.space}/workflows/{workflow_id}/versions")
    assert violations(page.page) == []

    assert page.page.locator("img").count() == 0
    assert "hurt" not in page.page.title().split()

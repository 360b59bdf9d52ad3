"""Webhooks in a real browser: made with a secret that is shown once, called, and delivered again."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.api import sender
from tests.api.caller import DEFINITION
from tests.web.axe import violations
from tests.web.browser import Tab
from tests.web.trigger_scenes import made

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror=\"document.title='hurt'\">"


@pytest.fixture
def workflow(page: Tab) -> str:
    """Save a workflow; gives its id."""
    return str(made(page.caller, "workflows", name="Ship", definition=DEFINITION)["id"])


def test_a_secret_is_shown_once_and_signs_a_call_that_is_shown_and_repeated(page: Tab, workflow: str) -> None:
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.open(f"{page.space}/webhooks")
    page.page.get_by_role("link", name="Make the first one").click()
    page.page.get_by_label("Name", exact=True).fill("Pushes")
    page.page.get_by_label("Workflow", exact=True).select_option("Ship")
    page.page.get_by_label("Verification").select_option("github")
    page.page.get_by_role("button", name="Create").click()

    dialog = page.page.get_by_role("dialog", name="Copy the secret now")
    secret = dialog.locator("#secret-text").inner_text()
    dialog.get_by_role("button", name="Copy the secret").click()
    page.until("(async () => (await navigator.clipboard.readText()).length > 20)()")
    assert page.page.evaluate("navigator.clipboard.readText()") == secret
    dialog.get_by_role("button", name="I have kept it").click()
    page.page.wait_for_url(re.compile(r"/webhooks/[0-9a-f-]{36}$"))
    assert secret not in page.page.content()

    url = page.page.locator("#url").inner_text()
    assert url.startswith(f"{page.url}/webhooks/")
    body = json.dumps({"note": HOSTILE}).encode()
    signed = sender.github(secret, body) | {"Content-Type": "application/json"}
    path = url.removeprefix(page.url)
    assert page.caller.client.post(path, data=body, headers=signed).status_code == 202
    assert page.caller.client.post(path, data=body).status_code == 401
    page.page.get_by_role("link", name="Refresh").click()
    expect(page.page.locator("[data-outcome=rejected]")).to_contain_text("The signature is missing or wrong.")

    page.page.locator("[data-outcome=accepted] summary").click()
    expect(page.page.locator("[data-body]")).to_have_text(json.dumps({"note": HOSTILE}, indent=2))
    assert page.page.locator("img").count() == 0
    assert violations(page.page) == []
    page.page.get_by_role("button", name="Redeliver").click()
    page.page.get_by_role("link", name="To the new execution").click()
    page.page.wait_for_url(re.compile(r"/executions/[0-9a-f-]{36}$"))
    again = page.caller.get(f"{page.caller.space}/executions/{page.page.url.rpartition('/')[2]}").get_json()
    assert (again["triggeredBy"], again["input"]) == ("webhook", {"note": HOSTILE})


def test_the_form_follows_the_scheme_and_a_rotated_secret_is_shown(page: Tab, workflow: str) -> None:
    page.open(f"{page.space}/webhooks/new?workflowId={workflow}")
    page.page.get_by_label("Name", exact=True).fill("Signed")
    expect(page.page.get_by_label("Secret")).to_be_hidden()
    page.page.get_by_label("Verification").select_option("hmac")
    page.page.get_by_label("Secret").fill("a secret of our own")

    page.page.get_by_role("button", name="Create").click()
    expect(page.page.locator("#header-error")).to_contain_text("Must be the name of a header.")
    assert [("422" in fault) for fault in page.faults] == [True]
    page.faults.clear()
    page.page.get_by_label("Header").fill("X-Signed")
    page.page.get_by_role("button", name="Create").click()
    expect(page.page.locator("#secret-text")).to_have_text("a secret of our own")
    page.page.get_by_role("button", name="I have kept it").click()
    expect(page.page.locator("#sample")).to_contain_text("X-Signed: ")

    page.page.get_by_role("button", name="Rotate the secret").click()
    page.page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    expect(page.page.locator("#secret-text")).to_have_text(re.compile(r"^[\w-]{43}$"))
    page.page.get_by_role("button", name="I have kept it").click()
    page.page.get_by_role("button", name="Disable").click()
    expect(page.page.get_by_role("button", name="Enable")).to_be_visible()


def test_nothing_stands_in_a_reader_s_way_and_names_never_run(page: Tab) -> None:
    workflow = made(page.caller, "workflows", name=HOSTILE, definition=DEFINITION)["id"]
    hook = made(
        page.caller, "webhooks", name=HOSTILE, workflowId=workflow, verification={"scheme": "stripe"}
    )["id"]

    for path in ("webhooks", f"webhooks/{hook}", "webhooks/new"):
        page.open(f"{page.space}/{path}")
        expect(page.page.get_by_role("heading", level=1)).to_be_visible()
        assert violations(page.page) == [], path
        assert page.page.locator("img").count() == 0

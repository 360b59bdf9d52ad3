"""What a webhook's page tells of deliveries that come while one looks, refused ones too."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.api.caller import DEFINITION, Caller
from tests.web.browser import Tab
from tests.web.trigger_scenes import made
from tests.web.visitor import Visitor

BEARER = {"scheme": "bearer", "secret": "a-secret-of-our-own"}
RIGHT = {"Authorization": f"Bearer {BEARER['secret']}"}


def hook(caller: Caller) -> str:
    """Make a webhook that wants a Bearer token; give its id."""
    of = made(caller, "workflows", name="Ship", definition=DEFINITION)["id"]
    return str(made(caller, "webhooks", name="Shop", workflowId=of, verification=BEARER)["id"])


def call(caller: Caller, webhook_id: str, **headers: str) -> int:
    """Call a webhook; give the status of the answer."""
    return caller.client.post(f"/webhooks/{webhook_id}", json={}, headers=headers).status_code


def newest(visitor: Visitor, webhook_id: str) -> list[dict[str, Any]]:
    """Read what the page's script asks for."""
    reply = visitor.get(f"{visitor.space}/webhooks/{webhook_id}/deliveries")
    assert (reply.status_code, reply.json["most"]) == (200, 25)
    return list(reply.json["newest"])


def test_the_script_is_told_of_the_newest_without_what_they_brought(member: Visitor) -> None:
    webhook_id = hook(member.caller)
    first = call(member.caller, webhook_id, **RIGHT)
    others = {call(member.caller, webhook_id) for _ in range(62)}

    found = newest(member, webhook_id)

    assert (first, others) == (202, {401})
    assert {frozenset(one) for one in found} == {frozenset(("id", "outcome", "count"))}
    assert len(found) == 25
    assert (found[0]["outcome"], found[0]["count"]) == ("rejected", 2)


def test_deliveries_of_others_are_not_told(member: Visitor, stranger: Caller) -> None:
    reply = member.get(f"{member.space}/webhooks/{hook(stranger)}/deliveries")

    assert reply.status_code == 404


@pytest.mark.browser
def test_a_pill_tells_of_what_came_refusals_too(page: Tab) -> None:
    webhook_id = hook(page.caller)
    assert call(page.caller, webhook_id) == 401
    page.open(f"{page.space}/webhooks/{webhook_id}")
    pill = page.page.locator("#news")
    expect(pill).to_be_hidden()

    call(page.caller, webhook_id)
    expect(pill).to_have_text("1 new, 1 rejected: show")
    call(page.caller, webhook_id, **RIGHT)
    expect(pill).to_have_text("2 new, 1 rejected: show")
    pill.click()

    expect(page.page.locator("[data-outcome=rejected]")).to_have_count(2)
    expect(page.page.locator("[data-outcome=accepted]")).to_have_count(1)
    expect(pill).to_be_hidden()

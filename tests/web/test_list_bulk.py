"""Bulk operations that are under way when one opens the list: shown again, until they are completed."""

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import expect

from app.clock import new_id, now
from app.extensions import db
from app.services.bulk_batches import Kind
from app.settings import Settings
from app.states import Role
from app.store import bulk_operations as store
from app.store.bulk_operations import NewOperation
from app.store.execution_filters import Filters, Place
from tests.api.caller import Caller
from tests.web.browser import Browser, Tab, web
from tests.web.visitor import Visitor, sql

DONE = "UPDATE bulk_operations SET status = 'completed', done = 3, skipped = 1, completed_at = now()"


def begin(app: Flask, caller: Caller, kind: Kind = Kind.CANCEL, space: UUID | None = None) -> UUID:
    """Keep a bulk operation on four executions, as far as it is in its first moment; give its id."""
    place = Place(caller.workspace_id, space or caller.space_id)
    operation = NewOperation(new_id(), place, kind, 4, [new_id() for _ in range(4)], Filters(), now())
    with app.app_context(), db.engine.begin() as tx:
        store.create(tx, operation)
    return operation.id


def told(visitor: Visitor) -> list[dict[str, Any]]:
    """Give the bulk operations that the list's script is told of."""
    page = visitor.get(f"{visitor.space}/executions").text
    facts = re.search(r'id="list-facts">(.*?)</script>', page)
    assert facts
    return list(json.loads(facts[1])["bulk"])


@pytest.fixture
def still(settings: Settings, browser: Browser, caller: Caller) -> Iterator[Tab]:
    """Open a tab before a web process alone: no clock sees bulk operations through."""
    with web(settings) as url, browser.tab(url, caller) as tab:
        tab.log_in()
        yield tab


def test_the_list_tells_of_what_is_under_way_in_its_space(app: Flask, member: Visitor) -> None:
    caller = member.caller
    other = caller.post(f"{caller.workspace}/spaces", {"name": "Other"}).get_json()["id"]
    begin(app, caller)
    sql(app, DONE)
    first, second = begin(app, caller), begin(app, caller, Kind.RETRY)
    begin(app, caller, space=UUID(other))

    found = told(member)

    assert [(one["bulkId"], one["kind"], one["matched"]) for one in found] == [
        (str(first), "cancel", 4),
        (str(second), "retry", 4),
    ]


def test_a_viewer_is_told_of_none(app: Flask, visitor: Visitor) -> None:
    begin(app, visitor.caller)
    visitor.log_in(visitor.caller.with_role(Role.VIEWER).key)

    assert told(visitor) == []


@pytest.mark.browser
def test_the_progress_is_there_again_after_a_reload(app: Flask, still: Tab) -> None:
    begin(app, still.caller)
    sql(app, "UPDATE bulk_operations SET done = 1, skipped = 1")
    still.open(f"{still.space}/executions")
    expect(still.page.locator("[data-bulk-id]")).to_have_text("Cancelling: 2 of 4")

    still.page.reload()
    expect(still.page.locator("[data-bulk-id]")).to_have_text("Cancelling: 2 of 4")
    sql(app, DONE)

    expect(still.page.locator("#toasts")).to_contain_text("3 cancelled, 1 left as they were.")
    expect(still.page.locator("[data-bulk-id]")).to_have_count(0)
    assert still.page.locator("#bulk-progress").is_hidden()

"""What docs/triggers.md shows of schedules is what a server says."""

import json
from typing import Any

import pytest
from flask import Flask

from app.services.rounds import FireReason, Overlap
from tests.api.caller import DEFINITION, Caller, new_caller
from tests.markdown import blocks
from tests.servers import PROJECT

PAGE = PROJECT / "docs" / "triggers.md"
FOUND = blocks(PAGE)
# From the first webhook on, which stands before its code, the page is about calls from outside.
FIRST_WEBHOOK = next(number for number, block in enumerate(FOUND) if block.language == "python") - 1
WHOLE, *PREVIEWS = (json.loads(block.text) for block in FOUND[:FIRST_WEBHOOK])


@pytest.fixture
def api(app: Flask) -> Caller:
    return new_caller(app, app.test_client(), "Acme")


@pytest.mark.parametrize(("asked", "shown"), [*zip(PREVIEWS[::2], PREVIEWS[1::2], strict=True)])
def test_each_preview_gives_what_the_page_shows(api: Caller, asked: Any, shown: Any) -> None:
    reply = api.post(f"{api.space}/schedules/preview", asked)

    assert (reply.status_code, reply.json) == (200, shown)


def test_the_example_is_a_schedule(api: Caller) -> None:
    workflow = api.post(f"{api.space}/workflows", {"name": "n", "definition": DEFINITION}).json

    reply = api.post(f"{api.space}/schedules", WHOLE | {"workflowId": workflow["id"]})

    assert reply.status_code == 201
    assert {name: reply.json[name] for name in WHOLE} == WHOLE | {"workflowId": workflow["id"]}


def test_the_page_names_every_policy_and_reason() -> None:
    text = PAGE.read_text()

    assert [word for word in (*Overlap, *FireReason) if f"`{word}`" not in text] == []

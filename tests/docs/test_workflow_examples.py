"""Every example of docs/workflows.md is saved and run, and does what is written below it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.settings import Settings
from tests.api.caller import new_caller
from tests.docs import shop
from tests.journeys import processes
from tests.journeys.traveller import Traveller
from tests.markdown import blocks
from tests.servers import PROJECT

PAGE = PROJECT / "docs" / "workflows.md"
HOST = "api.example.com"
PROMISE = re.compile(r"^Input `(.+?)` (gives|fails with) `(.+?)`\.?$", re.MULTILINE)
EXAMPLES = [(block.text, PROMISE.findall(block.after)) for block in blocks(PAGE) if block.language == "json"]
CASES = [(text, *promise) for text, promises in EXAMPLES for promise in promises]


@pytest.fixture(scope="module")
def _worker(settings: Settings) -> Iterator[None]:
    with processes.worker(settings):
        yield


@pytest.fixture
def host() -> Iterator[str]:
    """Run the service that examples call."""
    with shop.serving() as found:
        yield found


@pytest.fixture
def traveller(app: Flask, client: FlaskClient) -> Traveller:
    """Give somebody who saves and runs workflows."""
    return Traveller(new_caller(app, client, "Acme"))


def run(traveller: Traveller, host: str, text: str, given: str) -> dict[str, Any]:
    """Save an example as it is, but for the service it calls, and run it."""
    definition = json.loads(text.replace(f"https://{HOST}", f"http://{host}"))
    workflow_id = traveller.workflow(*definition.pop("steps"), **definition)
    return traveller.finished(traveller.trigger(workflow_id, json.loads(given)))


def test_each_example_says_what_comes_of_it() -> None:
    silent = [text for text, promises in EXAMPLES if not promises]

    assert silent == []
    assert len(EXAMPLES) > 8


@pytest.mark.usefixtures("_worker")
@pytest.mark.parametrize(("text", "given", "verb", "promised"), CASES)
def test_the_example_does_what_is_written_below_it(
    traveller: Traveller, host: str, text: str, given: str, verb: str, promised: str
) -> None:
    execution = run(traveller, host, text, given)

    if verb == "gives":
        assert (execution["status"], execution["output"]) == ("completed", json.loads(promised)), execution
    else:
        assert execution["status"] == "failed", execution
        assert execution["error"].replace(host, HOST) == promised

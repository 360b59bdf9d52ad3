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
PROMISE = re.compile(
    r"^Input `(?P<input>.+?)`(?: and the signal `(?P<signal>\w+)` with `(?P<payload>.+?)`)?"
    r" (?P<verb>gives|fails with|is refused with) `(?P<promised>.+?)`\.?"
    r"(?: The handler gives `(?P<handled>.+?)`\.)?"
    r"(?: Retried with `(?P<retry>.+?)` it gives `(?P<mended>.+?)`, and `(?P<reused>\w+)` is reused\.)?$",
    re.MULTILINE,
)
OTHER_ID = "01a203fc-6170-7947-82ba-8a19c79c87c6"
SECRET = re.compile(r"/secrets/(\w+)` with `(.+?)`")
EXAMPLES = [
    (block.text, list(PROMISE.finditer(block.after))) for block in blocks(PAGE) if block.language == "json"
]
BEFORE = dict(zip([text for text, _ in EXAMPLES[1:]], [text for text, _ in EXAMPLES], strict=False))
CASES = [(text, promise.groupdict()) for text, promises in EXAMPLES for promise in promises]
Promise = dict[str, Any]


@pytest.fixture(scope="module")
def _worker(settings: Settings) -> Iterator[None]:
    with processes.worker(settings), processes.clock(settings):
        yield


@pytest.fixture
def host() -> Iterator[str]:
    """Run the service that examples call."""
    with shop.serving() as found:
        yield found


@pytest.fixture
def traveller(app: Flask, client: FlaskClient) -> Traveller:
    """Give somebody who saves and runs workflows, and has the secrets of the page."""
    traveller = Traveller(new_caller(app, client, "Acme"))
    for name, body in SECRET.findall(PAGE.read_text()):
        reply = traveller.api.ask("PUT", f"{traveller.api.workspace}/secrets/{name}", json.loads(body))
        assert reply.status_code == 204, reply.get_json()
    return traveller


def save(traveller: Traveller, host: str, text: str) -> str:
    """Save an example as it is, but for the service it calls; what it refers to is the example before it."""
    if OTHER_ID in text:
        text = text.replace(OTHER_ID, save(traveller, host, BEFORE[text]))
    definition = json.loads(text.replace(f"https://{HOST}", f"http://{host}"))
    return traveller.workflow(*definition.pop("steps"), **definition)


def run(traveller: Traveller, workflow_id: str, promise: Promise) -> dict[str, Any]:
    """Trigger an example, and send its signal."""
    execution_id = traveller.trigger(workflow_id, json.loads(promise["input"]))
    path = f"{traveller.api.space}/executions/{execution_id}"
    if promise["signal"]:
        reply = traveller.api.post(f"{path}/signals/{promise['signal']}", json.loads(promise["payload"]))
        assert reply.status_code == 202, reply.get_json()
    return traveller.finished(execution_id)


def check_what_follows(traveller: Traveller, execution: dict[str, Any], promise: Promise) -> None:
    """Look at the handler of a failed execution, and at its retry."""
    if promise["handled"]:
        [handler] = traveller.see(execution["id"])["children"]
        assert traveller.finished(handler)["output"] == json.loads(promise["handled"])
    if promise["retry"]:
        path = f"{traveller.api.space}/executions/{execution['id']}/retry"
        mended = traveller.finished(traveller.api.post(path, json.loads(promise["retry"])).get_json()["id"])
        assert mended["output"] == json.loads(promise["mended"])
        assert mended["by_id"][promise["reused"]]["reusedFrom"] == execution["id"]


def test_each_example_says_what_comes_of_it() -> None:
    silent = [text for text, promises in EXAMPLES if not promises]
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("Input `")]

    assert silent == []
    assert len(lines) == len(CASES) > 25


@pytest.mark.usefixtures("_worker")
@pytest.mark.parametrize(("text", "promise"), CASES)
def test_the_example_does_what_is_written_below_it(
    traveller: Traveller, host: str, text: str, promise: Promise
) -> None:
    workflow_id = save(traveller, host, text)

    if promise["verb"] == "is refused with":
        body = {"workflowId": workflow_id, "input": json.loads(promise["input"])}
        reply = traveller.api.post(f"{traveller.api.space}/executions", body)
        assert reply.status_code == 422
        assert [f"{f['path']}: {f['message']}" for f in reply.get_json()["errors"]] == [promise["promised"]]
        return
    execution = run(traveller, workflow_id, promise)
    if promise["verb"] == "gives":
        assert execution["status"] == "completed", execution
        assert execution["output"] == json.loads(promise["promised"])
    else:
        assert execution["status"] == "failed", execution
        assert execution["error"].replace(host, HOST) == promise["promised"]
    check_what_follows(traveller, execution, promise)

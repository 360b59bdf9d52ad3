"""Every provider's example of docs/triggers.md is sent to a real server, and arrives as the page says."""

import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from app.services.signatures import SCHEMES
from tests.api.caller import DEFINITION, Caller, new_caller
from tests.markdown import Block, blocks
from tests.servers import PROJECT

PAGE = PROJECT / "docs" / "triggers.md"
CODE = [number for number, block in enumerate(blocks(PAGE)) if block.language == "python"]
PROVIDERS = ("github", "stripe", "slack", "standard")


@pytest.fixture
def origin(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def api(app: Flask) -> Caller:
    return new_caller(app, app.test_client(), "Acme")


def example(number: int) -> tuple[dict[str, Any], str, Any]:
    """Give the webhook, the code and the input of one example."""
    given: list[Block] = blocks(PAGE)[number - 1 : number + 2]
    return json.loads(given[0].text), given[1].text, json.loads(given[2].text)


def test_there_is_an_example_for_each_provider() -> None:
    assert tuple(example(number)[0]["verification"]["scheme"] for number in CODE) == PROVIDERS


@pytest.mark.parametrize("number", CODE, ids=PROVIDERS)
def test_what_a_provider_sends_arrives_as_the_page_says(api: Caller, origin: str, number: int) -> None:
    webhook, code, wanted = example(number)
    workflow = api.post(f"{api.space}/workflows", {"name": "n", "definition": DEFINITION}).json
    host = {"X-Forwarded-Host": origin.removeprefix("http://")}
    made = api.post(f"{api.space}/webhooks", webhook | {"workflowId": workflow["id"]}, headers=host).json
    names = {"URL": made["url"], "SECRET": made["secret"]}

    exec(compile(code, str(PAGE), "exec"), names)

    with names["reply"] as reply:
        execution = api.get(f"{api.space}/executions/{json.load(reply)['executionId']}").json
    assert reply.status == 202
    assert (execution["triggeredBy"], execution["input"]) == ("webhook", wanted)


def test_the_page_names_every_scheme() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", (PAGE.parent / "webhooks.md").read_text(), re.MULTILINE))

    assert set(SCHEMES) <= named

"""Secrets in steps: they reach the other side, and nothing that is stored shows them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from tests.journeys.echo import echoing
from tests.journeys.traveller import Traveller, call, value

pytestmark = pytest.mark.usefixtures("worker")

VALUES = [
    "s3cret-token-value",
    "pass word/with+all&of=it?",
    'quote " and \\ backslash',
    "schlüssel-ünder-türen",
    "12345678",
    '{"path":"x"}',
    "ntoken-after-a-break",
]
TABLES = ("executions", "execution_steps", "execution_step_items", "execution_step_logs", "workflow_versions")


@pytest.fixture
def echo() -> Iterator[str]:
    """Run a server that answers with what it is sent."""
    with echoing() as url:
        yield url


def keep(traveller: Traveller, **secrets: str) -> None:
    """Set secrets."""
    for name, text in secrets.items():
        path = f"{traveller.api.workspace}/secrets/{name}"
        assert traveller.api.ask("PUT", path, {"value": text}).status_code == 204


def with_token(url: str, **more: Any) -> dict[str, Any]:
    """Write an http step that sends the secret TOKEN."""
    return {
        "id": "call",
        "type": "http",
        "with": {"method": "POST", "url": url, "json": {"t": "${{ secrets.TOKEN }}"}},
        **more,
    }


def stored_anywhere(app: Flask, text: str) -> list[str]:
    """Name the tables of executions in whose rows a text stands, also inside JSON."""
    found = []
    with app.app_context(), db.engine.connect() as tx:
        for table in TABLES:
            rows = tx.exec_driver_sql(f"SELECT to_jsonb(t)::text FROM {table} t").scalars().all()
            inside = json.dumps(text, ensure_ascii=False)[1:-1]
            if any(inside in row for row in rows):
                found.append(table)
    return found


@pytest.mark.parametrize("secret", [text for text in VALUES if text.isascii()])
def test_what_comes_back_in_any_form_is_masked_and_still_json(
    app: Flask, traveller: Traveller, echo: str, secret: str
) -> None:
    keep(traveller, TOKEN=secret)
    step = call("call", f"{echo}/x?as_it=is")
    step["with"]["auth"] = {"bearer": "${{ secrets.TOKEN }}"}

    execution = traveller.run(step, value("next", "${{ steps.call.output.body }}"))

    body = execution["output"]
    assert execution["status"] == "completed", execution["error"]
    assert (body["token"], body["headers"]["Authorization"], body["***"]) == ("***", "Bearer ***", "as a key")
    assert all("***" in form for form in [*body["forms"], *body["urls"], body["twice"]])
    assert body["number"] == ("***" if secret.isdigit() else 0)
    assert stored_anywhere(app, secret) == []


@pytest.mark.parametrize("secret", VALUES)
def test_a_secret_is_sent_and_its_echo_is_masked(
    app: Flask, traveller: Traveller, echo: str, secret: str
) -> None:
    keep(traveller, TOKEN=secret)

    execution = traveller.run(
        with_token(f"{echo}/x?as=text"), value("length", "${{ steps.call.output.body.length }}")
    )

    step = execution["by_id"]["call"]
    assert execution["status"] == "completed", execution["error"]
    assert step["input"]["json"] == {"t": "***"}
    assert "***" in step["output"]["body"]
    assert stored_anywhere(app, secret) == []


def test_secrets_in_a_url_are_encoded_and_masked(app: Flask, traveller: Traveller, echo: str) -> None:
    keep(traveller, TOKEN="a/b?c d&e=f-secret")

    execution = traveller.run(call("call", echo + "/in/${{ secrets.TOKEN }}/path?q=${{ secrets.TOKEN }}"))

    body = execution["by_id"]["call"]["output"]["body"]
    assert (body["path"], body["plain"]) == ("/in/***/path?q=***", "/in/***/path?q=***")
    assert execution["by_id"]["call"]["input"]["url"] == f"{echo}/in/***/path?q=***"


@pytest.mark.parametrize("secret", ["s3cret-token-value", 'quote " and \\ backslash'])
def test_an_error_that_quotes_a_secret_is_masked(
    app: Flask, traveller: Traveller, echo: str, secret: str
) -> None:
    keep(traveller, TOKEN=secret)
    retry = {"attempts": 2, "backoffSeconds": 0.01}

    execution = traveller.run(
        with_token(f"{echo}/x?status=503", retry=retry),
        value("after", "${{ steps.call.error }}", runOn="failure"),
    )

    assert execution["status"] == "failed"
    assert len(execution["by_id"]["call"]["attempts"]) == 2
    assert stored_anywhere(app, secret) == []


def test_an_input_that_holds_a_secret_s_value_is_masked_in_what_steps_store(
    traveller: Traveller, echo: str
) -> None:
    keep(traveller, TOKEN="s3cret-token-value")
    steps = [
        value("plain", "${{ input.text }}"),
        value("script", "${{ input.text.toUpperCase().toLowerCase() }}"),
        value("each", "${{ item }}", forEach="${{ [input.text] }}"),
        value("wrong", "${{ input[input.text].x }}", onError="continue"),
        {"id": "say", "type": "code", "with": {"source": "console.log(input.text); return input.text"}},
        with_token(echo),
    ]

    execution = traveller.run(
        *steps, input={"text": "my s3cret-token-value"}, output={"o": "${{ input.text }}"}
    )

    path = f"{traveller.api.space}/executions/{execution['id']}/steps"
    shown = {step["stepId"]: (step["input"], step["output"], step["error"]) for step in execution["steps"]}
    assert execution["status"] == "completed", execution["error"]
    assert execution["output"] == {"o": "my ***"}
    assert [step for step, seen in shown.items() if "s3cret" in str(seen)] == []
    assert "s3cret" not in str(traveller.api.get(f"{path}/say/logs").get_json())
    assert "s3cret" not in str(traveller.api.get(f"{path}/each/items").get_json())


def test_an_error_is_masked_before_it_is_cut(app: Flask, traveller: Traveller, echo: str) -> None:
    keep(traveller, TOKEN="s3cret-token-value")
    source = "throw new Error(input.pad + input.text)"

    for length in range(3900, 4005, 9):
        traveller.run(
            {"id": "no", "type": "code", "with": {"source": source}, "onError": "continue"},
            with_token(echo),
            input={"pad": "x" * length, "text": "s3cret-token-value"},
        )

    with app.app_context(), db.engine.connect() as tx:
        errors = tx.exec_driver_sql("SELECT error FROM execution_steps WHERE step_id = 'no'").scalars().all()
    assert len(errors) == 12
    assert [error[-30:] for error in errors if "s3c" in error] == []


def test_text_that_looks_like_an_expression_in_an_input_stays_text(traveller: Traveller, echo: str) -> None:
    keep(traveller, TOKEN="s3cret-token-value")
    given = {"a": "${{ secrets.TOKEN }}", "b": "${{ input.c }}", "${{ 1 }}": ["${{ 1 + 1 }}"]}
    step = {"id": "call", "type": "http", "with": {"method": "POST", "url": echo, "json": "${{ input }}"}}
    steps = [
        step,
        value("plain", "${{ input }}"),
        value("text", "<${{ input.a }}>"),
        value("script", "${{ [input.a + input.b] }}"),
        with_token(echo) | {"id": "other", "needs": []},
        value("answer", "${{ JSON.parse(steps.call.output.body.sent) }}", needs=["call"]),
    ]

    execution = traveller.run(*steps, input=given)

    assert execution["output"] == given
    assert execution["by_id"]["plain"]["output"] == given
    assert execution["by_id"]["text"]["output"] == "<${{ secrets.TOKEN }}>"
    assert execution["by_id"]["script"]["output"] == ["${{ secrets.TOKEN }}${{ input.c }}"]


def test_an_answer_that_looks_like_an_expression_stays_text(traveller: Traveller, echo: str) -> None:
    first = {"id": "first", "type": "http", "with": {"method": "POST", "url": echo, "body": "${{ input }}"}}
    second = {"id": "second", "type": "http"}
    second["with"] = {"method": "POST", "url": echo, "body": "${{ steps.first.output.body.sent }}"}

    execution = traveller.run(
        first, second, value("x", "${{ steps.second.output.body.sent }}"), input="${{ 6 * 7 }}"
    )

    assert execution["output"] == "${{ 6 * 7 }}"


def test_a_step_gets_only_the_secrets_that_it_names(traveller: Traveller) -> None:
    keep(traveller, TOKEN="s3cret-token-value")

    execution = traveller.run(
        {"id": "js", "type": "code", "with": {"source": "return [typeof secrets, typeof input]"}}
    )

    assert execution["output"] == ["undefined", "object"]


def test_a_name_without_a_secret_is_a_warning_and_then_a_failed_step(traveller: Traveller, echo: str) -> None:
    definition = {"steps": [with_token(echo)]}
    reply = traveller.api.post(f"{traveller.api.space}/workflows/validate", {"definition": definition})

    execution = traveller.run(with_token(echo))

    assert (reply.get_json()["valid"], len(reply.get_json()["warnings"])) == (True, 1)
    assert execution["error"] == "The step 'call' failed: There is no secret named TOKEN in this workspace."


@pytest.mark.parametrize(
    "step",
    [
        with_token("https://${{ input.host }}/"),
        with_token("https://x.example/") | {"if": "${{ secrets.TOKEN }}"},
        {"id": "a", "type": "http", "with": {"url": "https://x.example/${{ 'a' + secrets.TOKEN }}"}},
        value("a", "${{ secrets.TOKEN }}"),
        {"id": "a", "type": "fail", "with": {"message": "${{ secrets.TOKEN }}"}},
        {"id": "a", "type": "workflow", "with": {"workflowId": "${{ secrets.TOKEN }}"}},
    ],
)
def test_a_secret_where_it_may_not_stand_is_refused_on_saving(
    traveller: Traveller, step: dict[str, Any]
) -> None:
    body = {"name": "A journey", "definition": {"steps": [step]}}

    reply = traveller.api.post(f"{traveller.api.space}/workflows", body)

    assert (reply.status_code, reply.get_json()["code"]) == (422, "invalid_definition")

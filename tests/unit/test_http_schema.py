"""What the `with` of an `http` step may hold, when it is saved and when it runs."""

from typing import Any

import pytest
from marshmallow import ValidationError

from app.steps.fields import Hole, Template
from app.steps.http_schema import HttpStep
from app.steps.secrets import SecretRef

EXPRESSION = Template((Hole("input.x"),))
SECRET = Template((SecretRef("TOKEN"),))


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ({}, "url"),
        ({"url": 5}, "url"),
        ({"url": "http://h/", "method": "BREW"}, "method"),
        ({"url": "http://h/", "headers": {"Host": "x"}}, "headers"),
        ({"url": "http://h/", "headers": {"content-length": "1"}}, "headers"),
        ({"url": "http://h/", "headers": {"a b": "x"}}, "headers"),
        ({"url": "http://h/", "headers": {"A:\r\n": "x"}}, "headers"),
        ({"url": "http://h/", "headers": {"X": {}}}, "headers"),
        ({"url": "http://h/", "query": {"q": {}}}, "query"),
        ({"url": "http://h/", "json": 1, "body": "x"}, "_schema"),
        ({"url": "http://h/", "auth": {}}, "auth"),
        ({"url": "http://h/", "auth": {"bearer": "x", "basic": {"username": "u"}}}, "auth"),
        ({"url": "http://h/", "auth": {"bearer": "x"}, "headers": {"authorization": "y"}}, "auth"),
        ({"url": "http://h/", "maxResponseBytes": 0}, "maxResponseBytes"),
        ({"url": "http://h/", "maxResponseBytes": 5 * 2**20 + 1}, "maxResponseBytes"),
        ({"url": "http://h/", "followRedirects": "yes"}, "followRedirects"),
        ({"url": "http://h/", "uri": "x"}, "uri"),
    ],
)
def test_a_bad_with_is_refused_at_its_place(args: dict[str, Any], path: str) -> None:
    with pytest.raises(ValidationError) as refused:
        HttpStep().load(args)

    assert list(refused.value.messages_dict) == [path]


def test_an_expression_may_stand_for_any_value_of_a_saved_step() -> None:
    saved = {
        "url": Template(("https://h.example/", Hole("input.x"))),
        "method": EXPRESSION,
        "headers": {"X-A": EXPRESSION},
        "query": {"q": [EXPRESSION], "r": EXPRESSION},
        "json": {"a": [EXPRESSION]},
        "auth": {"basic": {"username": EXPRESSION, "password": SECRET}},
        "maxResponseBytes": EXPRESSION,
        "failOnStatus": EXPRESSION,
    }

    loaded = HttpStep().load(saved)

    assert (loaded.url, loaded.method, loaded.fail_on_status) == (saved["url"], EXPRESSION, EXPRESSION)


@pytest.mark.parametrize("url", [("https://h.example/", Hole("x")), (SecretRef("BASE"), "/a", Hole("x"))])
def test_a_step_with_secrets_may_go_to_a_fixed_origin(url: tuple[Any, ...]) -> None:
    loaded = HttpStep().load({"url": Template(url), "auth": {"bearer": SECRET}})

    assert loaded.url == Template(url)


@pytest.mark.parametrize("url", [(Hole("x"),), ("https://", Hole("x")), ("https://h.example", Hole("x"))])
def test_a_step_with_secrets_may_not_go_where_an_expression_says(url: tuple[Any, ...]) -> None:
    with pytest.raises(ValidationError, match="scheme and host"):
        HttpStep().load({"url": Template(url), "json": [{"token": SECRET}]})

"""The step type `fail`."""

import asyncio
from typing import Any

import pytest

from app.steps.addresses import AllowList
from app.steps.arguments import check_args, load_args
from app.steps.base import STEP_TYPES, Call, Failed
from app.steps.client import HttpClient
from app.steps.fail import FailStep, fail


@pytest.mark.parametrize(
    ("message", "error"),
    [("No stock", "No stock"), ("", "The workflow said so"), (5, "5"), ({"a": 1}, '{"a":1}')],
)
def test_the_message_ends_the_execution(message: Any, error: str) -> None:
    client = HttpClient(AllowList())

    outcome = fail(Call(load_args(FailStep, {"message": message}), "k", client, lambda _level, _text: None))

    asyncio.run(client.close())
    assert outcome == Failed(error)


@pytest.mark.parametrize("args", [{}, {"message": "x", "code": 1}])
def test_a_bad_with_is_refused(args: dict[str, Any]) -> None:
    assert len(check_args(FailStep, args, "with")) == 1


def test_fail_is_registered_as_a_pure_step() -> None:
    assert STEP_TYPES["fail"].effect is False

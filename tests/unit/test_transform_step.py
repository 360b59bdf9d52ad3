"""The step type `transform`."""

import asyncio
from typing import Any

import pytest

from app.steps.addresses import AllowList
from app.steps.base import STEP_TYPES, Call, Done
from app.steps.client import HttpClient
from app.steps.transform import TransformStep, transform


@pytest.mark.parametrize("value", [None, 1, "text", {"a": [1, {"b": None}]}, []])
def test_the_value_is_the_output(value: Any) -> None:
    args = TransformStep().load({"value": value})
    client = HttpClient(AllowList())

    outcome = transform(Call(args, "key", client, lambda _level, _message: None))

    asyncio.run(client.close())
    assert outcome == Done(value)


def test_transform_is_registered_as_a_pure_step() -> None:
    assert (STEP_TYPES["transform"].effect, STEP_TYPES["transform"].timeout) == (False, 10)

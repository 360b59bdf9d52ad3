"""Where a fault is, in words that a caller can follow."""

from typing import Any

import pytest

from app.api.problems import faults_of


@pytest.mark.parametrize(
    ("messages", "path"),
    [
        ({"name": ["bad"]}, "name"),
        ({"executions": {3: {"tags": {0: ["bad"]}}}}, "executions[3].tags[0]"),
        ({"_schema": ["bad"]}, ""),
        ({"filter": {"_schema": ["bad"]}}, "filter"),
        ({"headers": {"x y": ["bad"]}}, 'headers["x y"]'),
        ({'a"b': ["bad"]}, '["a\\"b"]'),
        (["bad"], ""),
    ],
)
def test_messages_become_faults_with_paths(messages: Any, path: str) -> None:
    [fault] = faults_of(messages)

    assert (fault.path, fault.message) == (path, "bad")


def test_each_message_is_a_fault_of_its_own() -> None:
    faults = faults_of({"a": ["one", "two"], "b": ["three"]})

    assert [(fault.path, fault.message) for fault in faults] == [("a", "one"), ("a", "two"), ("b", "three")]

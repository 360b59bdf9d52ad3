"""Definitions as text, and what two texts differ in."""

import json
from typing import Any

import pytest

from app.samples import GREETING, ORDER
from app.web import difference as module
from app.web.definition_text import as_text, pretty
from app.web.difference import Line, difference


def test_members_stand_in_the_order_of_the_documentation_and_short_ones_on_a_line() -> None:
    step = {
        "with": {"json": {"a": 1}, "url": "https://example.com", "method": "POST"},
        "if": "${{ true }}",
        "type": "http",
        "mine": 1,
        "id": "a",
    }

    text = as_text({"output": None, "steps": [step]})

    assert text.splitlines() == [
        "{",
        '  "steps": [',
        "    {",
        '      "id": "a",',
        '      "type": "http",',
        '      "if": "${{ true }}",',
        '      "with": {"method": "POST", "url": "https://example.com", "json": {"a": 1}},',
        '      "mine": 1',
        "    }",
        "  ],",
        '  "output": null',
        "}",
    ]


@pytest.mark.parametrize(
    "definition",
    [
        GREETING,
        ORDER,
        {},
        {"steps": []},
        {"steps": {"id": 1}},
        {"steps": [1, [2]], "x": {"y" * 90: ["z" * 90]}},
        [],
    ],
)
def test_the_text_reads_back_as_what_it_was(definition: Any) -> None:
    assert json.loads(as_text(definition)) == definition


def test_a_value_that_is_long_has_a_line_for_each_part() -> None:
    assert pretty({"a": ["é" * 50, "b" * 50]}).splitlines() == [
        "{",
        '  "a": [',
        f'    "{"é" * 50}",',
        f'    "{"b" * 50}"',
        "  ]",
        "}",
    ]


def test_a_difference_has_three_lines_around_it_and_the_numbers_of_both_texts() -> None:
    old = [str(number) for number in range(20)]
    new = [*old[:10], "ten", *old[11:]]

    lines = difference("\n".join(old), "\n".join(new))

    assert [line.text for line in lines] == ["7", "8", "9", "10", "ten", "11", "12", "13"]
    assert lines[3:5] == [Line("removed", 11, None, "10"), Line("added", None, 11, "ten")]
    assert (lines[0], lines[-1]) == (Line("same", 8, 8, "7"), Line("same", 14, 14, "13"))


def test_lines_between_two_differences_are_left_out() -> None:
    old = [str(number) for number in range(30)]
    new = ["first", *old[1:-1], "last"]

    lines = difference("\n".join(old), "\n".join(new))

    assert [line.kind for line in lines].count("gap") == 1
    assert {line.text for line in lines if line.kind == "added"} == {"first", "last"}


def test_equal_texts_do_not_differ() -> None:
    assert difference("a\nb", "a\nb") == []


def test_texts_that_differ_too_much_to_compare_are_shown_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_COMPARED", 3)

    lines = difference("same\na\nb\nend", "same\nb\nc\nend")

    assert [line.kind for line in lines] == ["removed"] * 4 + ["added"] * 4

"""References between steps: what is in reach, every wrong one, and every ring."""

from typing import Any

import pytest

from tests.unit.test_definition_faults import faults

Json = Any


def value(step_id: str, given: Json = 1, **fields: Json) -> dict[str, Json]:
    return {"id": step_id, "type": "transform", "with": {"value": given}, **fields}


def test_every_wrong_reference_of_one_expression_is_told_with_what_is_in_reach() -> None:
    wrong = "${{ steps.nope.output + steps.d.output + steps.b.output + steps.x.output + steps.z.output }}"

    found = faults(
        value("a"),
        value("x", needs=[]),
        value("b", wrong, needs=["a"]),
        value("d"),
        value("z", runOn="always"),
    )

    assert found == [
        ("steps[2].with.value", "There is no step nope; in reach are a."),
        ("steps[2].with.value", "d comes after this step, so this one cannot read it; in reach are a."),
        ("steps[2].with.value", "A step cannot refer to itself; in reach are a."),
        (
            "steps[2].with.value",
            "A step may only refer to steps it comes after: add x to needs; in reach are a.",
        ),
        (
            "steps[2].with.value",
            "z comes after all other steps, because its runOn is failure or always; in reach are a.",
        ),
    ]


def test_beside_a_ring_references_are_checked_as_ever_and_nothing_later_is_in_reach() -> None:
    found = faults(
        value("a"),
        value("b", "${{ steps.d.output + steps.nope.output }}"),
        value("c", needs=["a", "d"]),
        value("d", "${{ steps.c.output + steps.e.output }}", needs=["c"]),
        value("e"),
    )

    assert found == [
        (
            "steps[1].with.value",
            "A step may only refer to steps it comes after: add d to needs; in reach are a.",
        ),
        ("steps[1].with.value", "There is no step nope; in reach are a."),
        (
            "steps[2].needs",
            "These steps wait for each other: c → d → c. Take one of them out of the needs of another.",
        ),
        ("steps[3].with.value", "e comes after this step, so this one cannot read it; in reach are a, c."),
    ]


@pytest.mark.parametrize("field", ["if", "forEach"])
def test_what_a_condition_or_a_list_names_must_be_in_reach_too(field: str) -> None:
    found = faults(value("a"), value("b", needs=[], **{field: "${{ steps.a.output }}"}))

    why = "A step may only refer to steps it comes after: add a to needs; none is in reach."
    assert found == [(f"steps[1].{field}", why)]


def test_every_ring_is_told() -> None:
    found = faults(
        value("a", needs=["b"]),
        value("b", needs=["c"]),
        value("c", needs=["a"]),
        value("d", needs=["e"]),
        value("e", needs=["d"]),
        value("f", needs=["f", "e"]),
    )

    assert [(path, said.partition(":")[2].partition(".")[0]) for path, said in found[:-1]] == [
        ("steps[0].needs", " a → b → c → a"),
        ("steps[3].needs", " d → e → d"),
    ]
    assert found[-1] == ("steps[5].needs", "A step cannot need itself: take it out.")


@pytest.mark.parametrize("needs", ["a", {"a": 1}, 5])
def test_a_step_whose_needs_cannot_be_read_is_not_told_what_it_comes_after(needs: Json) -> None:
    given = "${{ steps.a.output + steps.later.output }}"

    found = faults(value("a"), value("x", needs=[]), value("b", given, needs=needs), value("later"))

    assert [path for path, _ in found] == ["steps[2].needs"]


def test_an_unknown_need_is_told_with_those_that_there_are() -> None:
    assert faults(value("fetch"), value("b", needs=["fetsh"])) == [
        ("steps[1].needs", "There is no step fetsh (did you mean fetch?); there are fetch.")
    ]


def test_a_long_list_of_steps_is_cut() -> None:
    [(_, said)] = faults(*(value(f"s{n}") for n in range(40)), value("last", "${{ steps.q.output }}"))

    assert said.startswith("There is no step q; in reach are s0, s1, s2, ")
    assert said.endswith(", s29 and 10 more.")


def test_faults_are_listed_in_the_order_of_the_steps() -> None:
    found = faults(
        value("a", "${{ steps.q.output }}"),
        {"id": "b", "type": "no"},
        value("c", onEror=1),
        output="${{ 1 + }}",
    )

    assert [path.partition(".")[0] for path, _ in found] == ["steps[0]", "steps[1]", "steps[2]", "output"]

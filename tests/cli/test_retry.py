"""`executions retry`: a finished execution again."""

from uuid import UUID

import pytest

from tests.cli.shell import Place, Run, parsed, refusal


@pytest.fixture
def ended(run: Run, place: Place) -> UUID:
    """Give an execution that was cancelled."""
    [execution_id] = place.trigger()
    assert run("executions", "cancel", str(execution_id)).exit_code == 0
    return execution_id


def test_a_retry_is_printed_with_the_execution_that_it_repeats(run: Run, ended: UUID) -> None:
    as_json = parsed(run("executions", "retry", str(ended), "--json"))
    for_people = run("executions", "retry", str(ended))

    assert (as_json["retryOf"], as_json["attempt"], as_json["input"]) == (str(ended), 2, {"n": 21})
    assert for_people.exit_code == 0
    assert "pending" in for_people.output


@pytest.mark.parametrize(("given", "taken"), [("null", None), ('{"n": 1}', {"n": 1})])
def test_a_retry_takes_an_edited_input_and_the_latest_version(
    run: Run, ended: UUID, given: str, taken: object
) -> None:
    words = ("--from", "failed", "--latest", "--input", given, "--json")

    made = parsed(run("executions", "retry", str(ended), *words))

    assert (made["input"], made["workflowVersion"]) == (taken, 1)


def test_an_unknown_step_is_refused(run: Run, ended: UUID) -> None:
    assert "did you mean double?" in refusal(run("executions", "retry", str(ended), "--from", "duoble"))


def test_what_has_not_ended_cannot_be_retried(run: Run, place: Place) -> None:
    [execution_id] = place.trigger()

    assert "only one that has ended" in refusal(run("executions", "retry", str(execution_id)))

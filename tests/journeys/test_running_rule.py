"""The running rule: what runs, what is skipped, and how the execution ends."""

import time
from typing import Any

import pytest

from tests.journeys.traveller import Traveller, call, value
from tests.journeys.upstream import Record

pytestmark = pytest.mark.usefixtures("worker")

BROKEN = value("bad", "${{ input.nobody.knows }}")


def statuses(execution: dict[str, Any]) -> dict[str, str]:
    """Give the status of each step."""
    return {step["stepId"]: step["status"] for step in execution["steps"]}


def test_steps_run_one_after_another_and_pass_values_on(traveller: Traveller) -> None:
    steps = [
        value("a", {"n": "${{ input.n }}"}),
        value("b", "${{ steps.a.output.n + 1 }}"),
        value("c", "n is ${{ steps.b.output }}"),
    ]

    execution = traveller.run(*steps, input={"n": 41})

    assert (execution["status"], execution["output"]) == ("completed", "n is 42")
    assert (execution["stepsDone"], execution["stepsTotal"], execution["reason"]) == (3, 3, None)
    assert [step["output"] for step in execution["steps"]] == [{"n": 41}, 42, "n is 42"]
    assert execution["by_id"]["a"]["input"] == {"value": {"n": 41}}


def test_the_output_of_a_workflow_is_what_its_definition_says(traveller: Traveller) -> None:
    execution = traveller.run(value("a", 1), value("b", 2), output={"sum": "${{ steps.a.output + 2 }}"})

    assert execution["output"] == {"sum": 3}


def test_an_output_that_cannot_be_evaluated_fails_the_execution(traveller: Traveller) -> None:
    execution = traveller.run(value("a", None), output="${{ steps.a.output.b.c }}")

    assert (execution["status"], execution["reason"]) == ("failed", "step_failed")
    assert "output" in execution["error"]


def test_a_false_condition_skips_a_step_and_what_only_needs_it(traveller: Traveller) -> None:
    steps = [
        value("a", 1, **{"if": "${{ input.go }}"}),
        value("b", 2),
        value("free", "${{ steps.a.status }}", runOn="always"),
    ]

    execution = traveller.run(*steps, input={"go": False})

    assert statuses(execution) == {"a": "skipped", "b": "skipped", "free": "completed"}
    assert (execution["status"], execution["output"]) == ("completed", "skipped")


def test_a_step_runs_when_at_least_one_need_counts_as_completed(traveller: Traveller) -> None:
    steps = [
        value("no", 1, needs=[], **{"if": "${{ false }}"}),
        value("yes", 2, needs=[]),
        value("both", "${{ [steps.no.output, steps.yes.output] }}", needs=["no", "yes"]),
    ]

    execution = traveller.run(*steps)

    assert statuses(execution) == {"no": "skipped", "yes": "completed", "both": "completed"}
    assert execution["output"] == [None, 2]


def test_a_failed_step_fails_the_execution_and_skips_what_has_not_begun(traveller: Traveller) -> None:
    execution = traveller.run(BROKEN, value("after", 1))

    assert (execution["status"], execution["reason"]) == ("failed", "step_failed")
    assert statuses(execution) == {"bad": "failed", "after": "skipped"}
    assert "'bad'" in execution["error"]
    assert "input.nobody" in execution["by_id"]["bad"]["error"]


def test_a_failure_aborts_what_is_in_flight(traveller: Traveller, upstream: Record) -> None:
    steps = [
        call("slow", f"{upstream.url}/slow?wait=60", needs=[]),
        call("quick", f"{upstream.url}/quick?status=404&after=/slow", needs=[]),
    ]
    started = time.monotonic()

    execution = traveller.run(*steps)

    assert statuses(execution) == {"slow": "cancelled", "quick": "failed"}
    assert execution["status"] == "failed"
    assert time.monotonic() - started < 20


def test_a_failure_that_may_continue_counts_as_completed(traveller: Traveller) -> None:
    steps = [BROKEN | {"onError": "continue"}, value("after", "${{ steps.bad.status }}")]

    execution = traveller.run(*steps)

    assert statuses(execution) == {"bad": "failed", "after": "completed"}
    assert (execution["status"], execution["output"]) == ("completed", "failed")


def test_steps_for_the_end_run_after_all_others(traveller: Traveller) -> None:
    steps = [
        BROKEN,
        value("clean", "${{ steps.bad.status }}", runOn="always"),
        value("tell", 1, runOn="failure"),
    ]

    execution = traveller.run(*steps)

    assert statuses(execution) == {"bad": "failed", "clean": "completed", "tell": "completed"}
    assert execution["by_id"]["clean"]["output"] == "failed"
    assert execution["status"] == "failed"


def test_steps_for_a_failure_are_skipped_after_success(traveller: Traveller) -> None:
    execution = traveller.run(
        value("a", 1), value("clean", 2, runOn="always"), value("tell", 3, runOn="failure")
    )

    assert statuses(execution) == {"a": "completed", "clean": "completed", "tell": "skipped"}
    assert execution["status"] == "completed"


def test_steps_without_needs_run_at_the_same_time(traveller: Traveller, upstream: Record) -> None:
    steps = [call(f"s{n}", f"{upstream.url}/step?crowd=10", needs=[]) for n in range(10)]

    execution = traveller.run(*steps)

    assert execution["status"] == "completed"
    assert upstream.most_open["/step"] == 10


def test_a_hundred_executions_wait_for_http_at_the_same_time(traveller: Traveller, upstream: Record) -> None:
    workflow_id = traveller.workflow(call("wait", f"{upstream.url}/call?crowd=100"))

    ids = traveller.trigger_many(workflow_id, [None] * 100)

    ends = [traveller.finished(execution_id) for execution_id in ids]
    assert {end["status"] for end in ends} == {"completed"}
    assert (len(upstream.keys_of("/call")), upstream.most_open["/call"]) == (100, 100)


def test_an_attempt_is_made_again_with_the_same_idempotency_key(
    traveller: Traveller, upstream: Record
) -> None:
    retry = {"attempts": 3, "backoffSeconds": 0.01, "jitter": False}

    execution = traveller.run(call("shaky", f"{upstream.url}/shaky?fail=2", retry=retry))

    step = execution["by_id"]["shaky"]
    assert (execution["status"], step["attempt"], step["output"]["body"]["number"]) == ("completed", 3, 3)
    assert [attempt["number"] for attempt in step["attempts"]] == [1, 2, 3]
    assert ["503" in str(attempt["error"]) for attempt in step["attempts"]] == [True, True, False]
    assert upstream.keys_of("/shaky") == [f"{execution['id']}:shaky"] * 3


def test_a_step_fails_when_its_attempts_are_used_up(traveller: Traveller, upstream: Record) -> None:
    retry = {"attempts": 2, "backoffSeconds": 0.01}

    execution = traveller.run(call("down", f"{upstream.url}/down?status=500", retry=retry))

    assert (execution["status"], execution["by_id"]["down"]["attempt"]) == ("failed", 2)
    assert len(upstream.keys_of("/down")) == 2


def test_an_attempt_ends_at_the_step_s_limit(traveller: Traveller, upstream: Record) -> None:
    execution = traveller.run(call("slow", f"{upstream.url}/slow?wait=60", timeoutSeconds=0.3))

    assert execution["status"] == "failed"
    assert "0.3 s" in execution["by_id"]["slow"]["error"]


def test_an_execution_ends_at_its_limit(traveller: Traveller, upstream: Record) -> None:
    execution = traveller.run(call("slow", f"{upstream.url}/slow?wait=60"), timeoutSeconds=1)

    assert (execution["status"], execution["reason"]) == ("failed", "timeout")
    assert statuses(execution) == {"slow": "cancelled"}


def test_a_value_that_cannot_be_stored_fails_its_step_alone(traveller: Traveller) -> None:
    steps = [
        value("nul", "${{ 'a' + String.fromCharCode(0) }}", needs=[], onError="continue"),
        value("fine", "${{ 'a\\\\u0000' }}", needs=[]),
    ]

    execution = traveller.run(*steps)

    assert statuses(execution) == {"nul": "failed", "fine": "completed"}
    assert "NUL" in execution["by_id"]["nul"]["error"]


def test_a_loopback_address_is_refused_unless_it_is_allowed(traveller: Traveller) -> None:
    execution = traveller.run(call("meta", "http://169.254.169.254/latest/meta-data"))

    assert execution["status"] == "failed"
    assert "HTTP_ALLOW_HOSTS" in execution["by_id"]["meta"]["error"]


def test_prefer_wait_answers_with_the_finished_execution(traveller: Traveller) -> None:
    api, workflow_id = traveller.api, traveller.workflow(value("a", "${{ input }}"))
    body = {"workflowId": workflow_id, "input": [1]}

    reply = api.post(f"{api.space}/executions", body, headers={"Prefer": "wait=25"})

    assert (reply.status_code, reply.get_json()["status"], reply.get_json()["output"]) == (
        200,
        "completed",
        [1],
    )

"""Signals by the API to steps that a real worker runs; no clock is needed for them."""

from typing import Any

import pytest

from tests.journeys.processes import eventually
from tests.journeys.traveller import Traveller, call, value
from tests.journeys.upstream import Record

pytestmark = pytest.mark.usefixtures("worker")

APPROVAL: dict[str, Any] = {"id": "approval", "type": "waitForSignal"}
AFTER = value("after", "${{ steps.approval.output.by }}")


def send(traveller: Traveller, execution_id: str, payload: Any) -> tuple[int, str | None]:
    """Send a signal; give the status code, and the code of a refusal."""
    path = f"{traveller.api.space}/executions/{execution_id}/signals/approval"
    reply = traveller.api.post(path, {"payload": payload})
    return reply.status_code, reply.get_json().get("code")


def test_a_signal_ends_the_wait_and_its_payload_is_the_output(traveller: Traveller) -> None:
    execution_id = traveller.trigger(traveller.workflow(APPROVAL, AFTER))
    eventually(lambda: traveller.see(execution_id)["reason"] == "waiting")

    answer = send(traveller, execution_id, {"by": "Ada"})
    execution = traveller.finished(execution_id)

    assert answer == (202, None)
    assert (execution["status"], execution["output"]) == ("completed", "Ada")
    assert execution["by_id"]["approval"]["output"] == {"by": "Ada"}
    assert send(traveller, execution_id, {}) == (409, "already_signalled")


def test_a_signal_before_its_step_waits_is_kept(traveller: Traveller, upstream: Record) -> None:
    slow = call("slow", f"{upstream.url}/slow?wait=0.5")
    execution_id = traveller.trigger(traveller.workflow(slow, APPROVAL, AFTER))
    traveller.until(execution_id, "slow", "running")

    answer = send(traveller, execution_id, {"by": "Bob"})
    execution = traveller.finished(execution_id)

    assert answer == (202, None)
    assert (execution["status"], execution["output"]) == ("completed", "Bob")


def test_one_signal_ends_all_items_of_a_list(traveller: Traveller) -> None:
    execution_id = traveller.trigger(traveller.workflow(APPROVAL | {"forEach": "${{ [1, 2, 3] }}"}))
    eventually(lambda: traveller.see(execution_id)["reason"] == "waiting")

    answer = send(traveller, execution_id, "yes")
    execution = traveller.finished(execution_id)

    assert answer == (202, None)
    assert (execution["status"], execution["output"]) == ("completed", ["yes", "yes", "yes"])


def test_no_signal_falls_between_the_wait_and_its_record(traveller: Traveller) -> None:
    workflow_id = traveller.workflow(value("a", 1), APPROVAL, AFTER)
    ids = traveller.trigger_many(workflow_id, [{}] * 60)

    answers = [send(traveller, execution_id, {"by": execution_id}) for execution_id in ids]
    executions = [traveller.finished(execution_id) for execution_id in ids]

    assert set(answers) == {(202, None)}
    assert [execution["output"] for execution in executions] == ids

"""Many executions at once: cancelled while their worker has them, and run again."""

from typing import Any

import pytest

from tests.journeys.processes import eventually
from tests.journeys.traveller import Traveller, call, value
from tests.journeys.upstream import Record

COUNT = 8


def bulk(traveller: Traveller, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """Begin, and wait until it is through."""
    place = f"{traveller.api.space}/executions/bulk"
    path = f"{place}/{traveller.api.post(f'{place}/{kind}', body).get_json()['bulkId']}"
    eventually(lambda: traveller.api.get(path).get_json()["status"] == "completed", 60)
    found: dict[str, Any] = traveller.api.get(path).get_json()
    return found


@pytest.mark.usefixtures("worker")
def test_what_a_worker_has_in_hand_is_cancelled_and_runs_when_it_is_retried(
    traveller: Traveller, upstream: Record
) -> None:
    slow = traveller.workflow(call("slow", f"{upstream.url}/slow?wait=${{{{ input.wait }}}}"), value("b", 1))
    ids = traveller.trigger_many(slow, [{"wait": 60}] * COUNT)
    assert eventually(lambda: upstream.counts["/slow"] == COUNT, 60)

    cancelled = bulk(traveller, "cancel", {"filter": {"workflowId": slow, "status": "pending,running"}})
    ended = [traveller.finished(execution_id, 60) for execution_id in ids]
    quick = traveller.run(value("a", 1))
    retried = bulk(traveller, "retry", {"ids": [quick["id"]]})

    assert (cancelled["matched"], cancelled["done"], cancelled["skipped"]) == (COUNT, COUNT, 0)
    assert {(one["status"], one["reason"]) for one in ended} == {("cancelled", "bulk")}
    assert {one["by_id"]["slow"]["status"] for one in ended} == {"cancelled"}
    assert retried["done"] == 1
    [again] = traveller.see(quick["id"])["retries"]
    assert traveller.finished(again, 60)["status"] == "completed"

"""A batch starts many executions, all or nothing."""

from typing import Any

import pytest

from tests.api.caller import Caller

NO_SUCH_ID = "01a203fc-6170-7947-82ba-8a19c79c87c6"


def test_a_batch_makes_its_executions_in_order(api: Caller, workflow: dict[str, Any]) -> None:
    body = {"executions": [{"workflowId": workflow["id"], "input": number} for number in range(1000)]}

    reply = api.post(f"{api.space}/executions/batch", body, headers={"Idempotency-Key": "k"})
    again = api.post(f"{api.space}/executions/batch", body, headers={"Idempotency-Key": "k"})

    made = reply.get_json()["data"]
    assert (reply.status_code, [execution["input"] for execution in made]) == (202, list(range(1000)))
    assert (again.headers["Idempotency-Replayed"], again.get_json()) == ("true", reply.get_json())


@pytest.mark.parametrize(
    ("members", "status", "path"),
    [
        ([], 422, "executions"),
        ([{}] * 1001, 422, "executions"),
        ([{"workflowId": NO_SUCH_ID}], 404, None),
        ([{"tags": ["", "a"]}], 422, "executions[1].tags[0]"),
        ([{"input": "x" * 1024 * 1024}], 422, "executions[1].input"),
        ("many", 422, "executions"),
    ],
)
def test_a_batch_with_one_bad_member_makes_nothing(
    api: Caller, workflow: dict[str, Any], members: Any, status: int, path: str | None
) -> None:
    good = {"workflowId": workflow["id"]}
    bad = [good | member for member in members] if isinstance(members, list) else members
    body = {"executions": [good, *bad] if len(members) == 1 else bad}

    reply = api.post(f"{api.space}/executions/batch", body)

    assert reply.status_code == status
    assert path is None or path in [fault["path"] for fault in reply.get_json()["errors"]]
    assert api.executions() == []


def test_a_member_of_a_batch_may_have_the_key_of_a_single_trigger(
    api: Caller, workflow: dict[str, Any]
) -> None:
    body = {"workflowId": workflow["id"], "input": 1, "idempotencyKey": "one"}
    first = api.post(f"{api.space}/executions", body).get_json()

    batch = {"executions": [body, {"workflowId": workflow["id"], "idempotencyKey": "two"}]}
    made = api.post(f"{api.space}/executions/batch", batch).get_json()["data"]
    again = api.post(f"{api.space}/executions/batch", batch).get_json()["data"]

    assert made[0]["id"] == first["id"]
    assert [row["id"] for row in again] == [row["id"] for row in made]
    assert [row["idempotencyKey"] for row in made] == ["one", "two"]
    assert len(api.executions()) == 2


def test_a_batch_with_one_key_twice_or_a_key_of_another_body_is_refused_whole(
    api: Caller, workflow: dict[str, Any]
) -> None:
    member = {"workflowId": workflow["id"], "idempotencyKey": "one"}
    twice = api.post(f"{api.space}/executions/batch", {"executions": [member, member]})
    api.post(f"{api.space}/executions", member)

    other = api.post(
        f"{api.space}/executions/batch",
        {"executions": [{"workflowId": workflow["id"]}, member | {"input": 2}]},
    )

    assert (twice.status_code, twice.get_json()["errors"][0]["path"]) == (422, "executions[1].idempotencyKey")
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")
    assert [fault["path"] for fault in other.get_json()["errors"]] == ["executions[1].idempotencyKey"]
    assert len(api.executions()) == 1

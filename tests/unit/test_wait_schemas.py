"""What the `with` of steps that wait may hold."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from marshmallow import Schema

from app.steps.arguments import check_args
from app.steps.base import Call, Failed, Wait
from app.steps.fields import Hole, Template
from app.steps.wait import WaitStep, wait
from app.steps.wait_for_signal import WaitForSignalStep
from app.steps.workflow import WorkflowStep

EXPRESSION = Template((Hole("input.x"),))
ID = "01a203fc-6170-7947-82ba-8a19c79c87c6"
YEAR = 365 * 24 * 3600


@pytest.mark.parametrize(
    ("schema", "args", "loaded"),
    [
        (WaitStep, {"seconds": 0.5}, {"seconds": 0.5}),
        (WaitStep, {"seconds": YEAR}, {"seconds": YEAR}),
        (WaitStep, {"seconds": EXPRESSION}, {"seconds": EXPRESSION}),
        (WaitStep, {"until": "2030-01-31T13:00:00+01:00"}, {"until": datetime(2030, 1, 31, 12, tzinfo=UTC)}),
        (WaitForSignalStep, {}, {}),
        (WorkflowStep, {"workflowId": ID}, {"workflow_id": UUID(ID), "input": {}, "wait": True}),
        (
            WorkflowStep,
            {"workflowId": EXPRESSION, "input": None, "wait": False},
            {"workflow_id": EXPRESSION, "input": None, "wait": False},
        ),
    ],
)
def test_a_good_with_is_loaded(schema: type[Schema], args: dict[str, Any], loaded: dict[str, Any]) -> None:
    assert schema().load(args) == loaded


@pytest.mark.parametrize(
    ("schema", "args", "path", "message"),
    [
        (WaitStep, {}, "with", "Give either seconds or until."),
        (WaitStep, {"seconds": 1, "until": "2030-01-31T12:00:00Z"}, "with", "Give either"),
        (WaitStep, {"seconds": 0}, "with.seconds", "more than 0"),
        (WaitStep, {"seconds": YEAR + 1}, "with.seconds", "365 days"),
        (WaitStep, {"seconds": "5"}, "with.seconds", "Must be a number."),
        (WaitStep, {"until": "2030-01-31T12:00:00"}, "with.until", "Must be a time"),
        (WaitStep, {"until": "2030-02-31T12:00:00Z"}, "with.until", "no such time"),
        (WaitStep, {"until": 5}, "with.until", "Must be a time"),
        (WaitForSignalStep, {"seconds": 1}, "with.seconds", "no field seconds here; there are none"),
        (WorkflowStep, {}, "with.workflowId", "Is missing: give the id of a workflow"),
        (WorkflowStep, {"workflowId": "7"}, "with.workflowId", "Must be the id of a workflow, not its name."),
        (WorkflowStep, {"workflowId": ID, "wait": "no"}, "with.wait", "true or false"),
    ],
)
def test_a_bad_with_is_refused_at_its_place(
    schema: type[Schema], args: dict[str, Any], path: str, message: str
) -> None:
    [fault] = check_args(schema, args, "with")

    assert fault.path == path
    assert message in fault.message


def test_a_time_may_be_365_days_away_and_not_a_second_more() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    most = now + timedelta(seconds=YEAR)
    client: Any = None

    ends = [
        asyncio.run(wait(Call({"until": until}, "key", client, print, now=lambda: now)))
        for until in (most, most + timedelta(seconds=1))
    ]

    assert ends == [Wait(most), Failed("until is more than 365 days away")]

"""Random faults under load, by seed: nothing is lost, stuck, changed after its end or done twice."""

import os
import time

import pytest

from tests.faults.chaos import Plan, run
from tests.faults.stand import Stand

pytestmark = [pytest.mark.faults, pytest.mark.long]

# The long run: FAULT_SECONDS=1200 FAULT_EXECUTIONS=5000, or `make chaos`.
SECONDS = float(os.environ.get("FAULT_SECONDS", "120"))
EXECUTIONS = int(os.environ.get("FAULT_EXECUTIONS", "1000"))


def test_thousands_of_executions_survive_random_faults(stand: Stand) -> None:
    seed = int(os.environ.get("FAULT_SEED", time.time_ns() % 1_000_000))

    story = run(stand, Plan(SECONDS, EXECUTIONS, seed))

    print(story.told())  # noqa: T201 -- shown when the test fails
    assert story.verdict.faults == []


@pytest.mark.parametrize(
    ("seed", "faults"),
    [
        # A worker that woke up after its lease began the effects that its last flush had allowed.
        pytest.param(14, ("freeze_worker",)),
    ],
)
def test_what_went_wrong_once_does_not_come_back(stand: Stand, seed: int, faults: tuple[str, ...]) -> None:
    story = run(stand, Plan(8, 200, seed, faults))

    print(story.told())  # noqa: T201 -- shown when the test fails
    assert story.verdict.faults == []

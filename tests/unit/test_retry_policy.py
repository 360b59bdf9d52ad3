"""How long the pauses between attempts are."""

from types import SimpleNamespace

import pytest

from app.engine.retry import RetryPolicy


@pytest.mark.parametrize(
    ("attempt", "retry_after", "chance", "pause"),
    [
        (1, None, 0, 1),
        (2, None, 0, 2),
        (5, None, 0, 10),
        (2, None, 1, 1),
        (1, 5, 0, 5),
        (1, 500, 0, 10),
        (20, 1, 0, 10),
    ],
)
def test_pauses_grow_up_to_the_most_and_honour_retry_after(attempt, retry_after, chance, pause):
    policy = RetryPolicy(max_backoff_seconds=10)

    assert policy.delay(attempt, retry_after, lambda: chance) == pause


def test_without_jitter_chance_plays_no_part():
    policy = RetryPolicy(jitter=False)

    assert policy.delay(1, None, SimpleNamespace()) == 1

"""The largest definitions are saved at once."""

import time
from typing import Any

from app.steps.definition import MOST_STEPS
from tests.api.caller import Caller

MOST_SECONDS = 1.0  # on a quiet machine a tenth of it


def step(number: int) -> dict[str, Any]:
    value = {
        "script": f"${{{{ input.items.filter(n => n > {number}).map(n => n * 2) }}}}",
        "path": "${{ input.x.y }}",
        "text": f"${{{{ input.a + {number} }}}} and ${{{{ input.b }}}}",
    }
    return {"id": f"s{number}", "type": "transform", "with": {"value": value}}


def test_a_definition_of_as_many_steps_as_are_allowed_is_saved_quickly(api: Caller) -> None:
    definition = {"steps": [step(number) for number in range(MOST_STEPS)]}
    took = []

    for _ in range(5):
        begin = time.perf_counter()
        reply = api.post(f"{api.space}/workflows", {"name": "large", "definition": definition})
        took.append(time.perf_counter() - begin)
        assert reply.status_code == 201

    assert min(took) < MOST_SECONDS

"""Words for tests of retries: a definition of steps in a row, and what became of an execution."""

from typing import Any

from tests.api.caller import Caller


def definition(*ids: str, **more: Any) -> dict[str, Any]:
    steps = [{"id": step_id, "type": "transform", "with": {"value": step_id}} for step_id in ids]
    return {"steps": steps, **more}


def path(api: Caller, execution_id: str) -> str:
    return f"{api.space}/executions/{execution_id}/retry"


def see(api: Caller, execution_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"{api.space}/executions/{execution_id}").get_json()
    return found


def reused(api: Caller, execution_id: str) -> list[str]:
    """Name the steps that an execution took over."""
    return [step["stepId"] for step in see(api, execution_id)["steps"] if step["reusedFrom"]]


def save(api: Caller, workflow: dict[str, Any], new: dict[str, Any]) -> None:
    """Save a new version of a workflow."""
    reply = api.ask("PATCH", f"{api.space}/workflows/{workflow['id']}", {"definition": new})
    assert reply.status_code == 200, reply.get_json()

"""What journeys do: save a workflow, trigger it, and follow the execution."""

from dataclasses import dataclass
from typing import Any

from tests.api.caller import Caller
from tests.journeys.processes import eventually

FINAL = ("completed", "failed", "cancelled")
Json = Any


@dataclass
class Traveller:
    """A caller with shorter words."""

    api: Caller

    def workflow(self, *steps: dict[str, Json], **more: Json) -> str:
        """Save a workflow of these steps; give its id."""
        definition = {"steps": list(steps), **more}
        reply = self.api.post(f"{self.api.space}/workflows", {"name": "A journey", "definition": definition})
        assert reply.status_code == 201, reply.get_json()
        found: str = reply.get_json()["id"]
        return found

    def trigger(self, workflow_id: str, input: Json = None, **more: Json) -> str:
        """Start an execution; give its id."""
        body = {"workflowId": workflow_id, "input": {} if input is None else input, **more}
        reply = self.api.post(f"{self.api.space}/executions", body)
        assert reply.status_code == 202, reply.get_json()
        found: str = reply.get_json()["id"]
        return found

    def trigger_many(self, workflow_id: str, inputs: list[Json]) -> list[str]:
        """Start many executions at once; give their ids."""
        body = {"executions": [{"workflowId": workflow_id, "input": input} for input in inputs]}
        reply = self.api.post(f"{self.api.space}/executions/batch", body)
        assert reply.status_code == 202, reply.get_json()
        return [row["id"] for row in reply.get_json()["data"]]

    def see(self, execution_id: str) -> dict[str, Json]:
        """Give an execution's detail, its steps by id under `by_id`."""
        found: dict[str, Json] = self.api.get(f"{self.api.space}/executions/{execution_id}").get_json()
        found["by_id"] = {step["stepId"]: step for step in found["steps"]}
        return found

    def finished(self, execution_id: str, seconds: float = 60) -> dict[str, Json]:
        """Wait for the end of an execution; give its detail."""
        path = f"{self.api.space}/executions/{execution_id}"
        eventually(lambda: self.api.get(path).get_json()["status"] in FINAL, seconds)
        found = self.see(execution_id)
        assert found["status"] in FINAL, found
        return found

    def run(self, *steps: dict[str, Json], input: Json = None, **more: Json) -> dict[str, Json]:
        """Save, trigger, wait; give the finished execution."""
        return self.finished(self.trigger(self.workflow(*steps, **more), input))

    def until(self, execution_id: str, step_id: str, status: str) -> dict[str, Json]:
        """Wait until a step has a status; give the execution's detail."""
        eventually(lambda: self.see(execution_id)["by_id"][step_id]["status"] == status)
        return self.see(execution_id)

    def cancel(self, execution_id: str) -> tuple[int, dict[str, Json]]:
        """Cancel; give the status code and the body."""
        reply = self.api.post(f"{self.api.space}/executions/{execution_id}/cancel", {"reason": "enough"})
        return reply.status_code, reply.get_json()


def value(step_id: str, value: Json, **more: Json) -> dict[str, Json]:
    """Write a transform step."""
    return {"id": step_id, "type": "transform", "with": {"value": value}, **more}


def call(step_id: str, url: str, **more: Json) -> dict[str, Json]:
    """Write an http step."""
    return {"id": step_id, "type": "http", "with": {"url": url}, **more}

"""How executions are shown to people."""

from typing import Any

import click

from app import strictjson
from app.cli.output import duration, print_fields, print_table

MOST_TEXT = 500
Form = dict[str, Any]
LIST_COLUMNS = ("ID", "STATUS", "WORKFLOW", "STEPS", "BY", "CREATED", "TOOK")
STEP_COLUMNS = ("STEP", "TYPE", "STATUS", "ATTEMPT", "TOOK", "OUTPUT OR ERROR")


def print_executions(forms: list[Form]) -> None:
    """Print executions in list form, one a line."""
    rows = [
        (
            form["id"],
            _status(form),
            form["workflowName"],
            f"{form['stepsDone']}/{form['stepsTotal']}",
            form["triggeredBy"],
            _second(form["createdAt"]),
            duration(form["durationMs"]),
        )
        for form in forms
    ]
    print_table(LIST_COLUMNS, rows)


def print_execution(form: Form) -> None:
    """Print one execution, with its steps where `form` has them."""
    fields = {
        "id": form["id"],
        "status": _status(form),
        "workflow": f"{form['workflowName']} (version {form['workflowVersion']})",
        "workspace": form["workspaceId"],
        "space": form["spaceId"],
        "triggered by": form["triggeredBy"],
        "created": form["createdAt"],
        "run at": form["runAt"],
        "started": form["startedAt"],
        "wakes at": form["wakeAt"],
        "completed": form["completedAt"],
        "took": duration(form["durationMs"]),
        "retry of": form["retryOf"],
        "parent": form["parentId"],
        "takeovers": form["takeovers"] or None,
        "tags": ", ".join(form["tags"]),
        "error": form["error"],
        "input": _json(form["input"]),
        "output": _json(form["output"]),
    }
    print_fields(fields)
    if form.get("steps"):
        click.echo()
        print_table(STEP_COLUMNS, [_step(step) for step in form["steps"]])


def _step(step: Form) -> tuple[object, ...]:
    result = step["error"] or _json(step["output"])
    return (
        step["stepId"],
        step["type"],
        step["status"],
        step["attempt"] or "",
        duration(step["durationMs"]),
        result,
    )


def _status(form: Form) -> str:
    """Write status and reason; of what completed there is no reason."""
    return f"{form['status']} ({form['reason']})" if form["reason"] else str(form["status"])


def _json(value: Any) -> str:
    if value is None:
        return ""
    text = strictjson.dumps(value).decode()
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}… (--json shows all)"


def _second(at: str) -> str:
    return f"{at[:19]}Z"

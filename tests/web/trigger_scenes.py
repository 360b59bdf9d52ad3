"""Workflows with versions, schedules with a history, webhooks with deliveries: for pictures and tests."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import text

from app.clock import new_id, now
from app.extensions import db
from app.samples import ORDER
from tests.api.caller import Caller
from tests.web.browser import Tab

FIRE = """
INSERT INTO schedule_fires (id, schedule_id, scheduled_for, until, count, fired_at, outcome, reason)
VALUES (:id, :schedule, :due, :until, :count, :fired, :outcome, :reason)
"""
FIRES: tuple[tuple[str, str | None, int], ...] = (
    ("fired", None, 1),
    ("skipped", "overlap", 1),
    ("fired", "catch_up", 1),
    ("missed", None, 14),
    ("fired", None, 1),
)


def made(caller: Caller, noun: str, **body: Any) -> Any:
    """Make something in the space; give it as the API shows it."""
    reply = caller.post(f"{caller.space}/{noun}", body)
    assert reply.status_code == 201, reply.text
    return reply.json


def furnish(app: Flask, caller: Caller) -> dict[str, str]:
    """Make one of each worth a look; give the paths of their pages by the names of their pictures."""
    order = made(caller, "workflows", name="Order total", definition=ORDER, maxConcurrency=20)
    changed = ORDER | {"steps": [*ORDER["steps"][:-1], ORDER["steps"][-1] | {"timeoutSeconds": 30}]}  # type: ignore[misc]
    path = f"workflows/{order['id']}"
    caller.ask("PATCH", f"{caller.space}/{path}", {"definition": changed | {"timeoutSeconds": 600}})
    night = made(
        caller,
        "schedules",
        name="Totals of the night",
        workflowId=order["id"],
        cron="30 2 * * *",
        timezone="America/New_York",
        input={"prices": [40, 35, 50]},
        overlap="skip",
    )
    paused = made(caller, "schedules", name="Every minute", workflowId=order["id"], cron="* * * * *")
    caller.ask("PATCH", f"{caller.space}/schedules/{paused['id']}", {"enabled": False})
    add_fires(app, night["id"])
    shop = made(caller, "webhooks", name="Shop orders", workflowId=order["id"])
    how = {"scheme": "stripe"}
    made(caller, "webhooks", name="Payments", workflowId=order["id"], verification=how, enabled=False)
    deliver(caller, shop["id"])
    return {
        "workflow": path,
        "versions": f"{path}/versions",
        "schedule": f"schedules/{night['id']}",
        "webhook": f"webhooks/{shop['id']}",
    }


def add_fires(app: Flask, schedule_id: str) -> None:
    """Give a schedule a history, a fire a day."""
    at = now().replace(microsecond=0)
    rows = [
        {
            "id": new_id(),
            "schedule": schedule_id,
            "due": at - timedelta(days=days),
            "until": at - timedelta(days=days - 0.5) if count > 1 else None,
            "count": count,
            "fired": at - timedelta(days=days) if outcome == "fired" else None,
            "outcome": outcome,
            "reason": reason,
        }
        for days, (outcome, reason, count) in enumerate(FIRES, 1)
    ]
    with app.app_context(), db.engine.begin() as tx:
        tx.execute(text(FIRE), rows)


def deliver(caller: Caller, webhook_id: str) -> None:
    """Call a webhook as a shop would: two orders, one of them twice."""
    for number in (1, 2, 2):
        caller.client.post(
            f"/webhooks/{webhook_id}",
            json={"order": f"A-{number}", "prices": [12.5, 8, 99.9], "note": "Leave it at the door"},
            headers={"Idempotency-Key": f"order-{number}", "User-Agent": "Shop/2.1"},
        )


def faulty(open_it: Callable[[Tab], None]) -> Callable[[Tab], None]:
    """Type a fault into the editor that `open_it` shows."""

    def show(tab: Tab) -> None:
        open_it(tab)
        area = tab.page.get_by_role("textbox", name="Definition")
        area.fill(area.input_value().replace('"type": "transform"', '"type": "transfrom"', 1))
        tab.page.locator(".fault").first.wait_for()

    return show


def last_delivery(open_it: Callable[[Tab], None]) -> Callable[[Tab], None]:
    """Unfold what a delivery brought."""

    def show(tab: Tab) -> None:
        open_it(tab)
        tab.page.locator("[data-whole] summary").first.click()
        tab.page.locator("[data-body]").first.wait_for()

    return show


def run_dialog(open_it: Callable[[Tab], None]) -> Callable[[Tab], None]:
    """Open the dialog that runs a workflow."""

    def show(tab: Tab) -> None:
        open_it(tab)
        tab.page.get_by_role("button", name="Run", exact=True).click()
        tab.page.get_by_role("dialog").wait_for()

    return show

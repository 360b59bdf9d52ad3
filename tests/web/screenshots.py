"""`make screenshots`: every page in light, dark, narrow and very wide, as PNG files in a folder."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app import create_app
from app.extensions import db
from app.settings import from_environment
from tests import servers as real
from tests.api.caller import DEFINITION, Caller, new_caller
from tests.web import detail_scenes, list_scenes, trigger_scenes
from tests.web.browser import Browser, Tab, chromium, serving

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}, "device_scale_factor": 2},
    "4k": {"color_scheme": "dark", "viewport": {"width": 3840, "height": 2160}},
}


def log_in_page(tab: Tab) -> None:
    """Show the form before anybody is logged in."""
    tab.page.context.clear_cookies()
    tab.open("/login")


def new_space(tab: Tab) -> None:
    """Open the dialog on the list of spaces."""
    tab.open("/")
    tab.page.get_by_role("button", name="New space").click()


def shortcuts(tab: Tab) -> None:
    """Open the help of the keyboard."""
    tab.open("/")
    tab.page.keyboard.press("?")


def chosen(tab: Tab) -> None:
    """Filter the list and choose some of it."""
    tab.open(f"{tab.space}/executions?status=failed&status=running&within=24h")
    for box in tab.page.locator("[data-pick]").all()[:3]:
        box.check()
    tab.page.get_by_text("Status", exact=True).first.click()


def first_run(tab: Tab) -> None:
    """Show a space where nothing ran yet."""
    tab.open("/")
    tab.page.get_by_role("link", name="Billing").click()


def zoomed(open_it: Callable[[Tab], None]) -> Callable[[Tab], None]:
    """Zoom to the step that is chosen."""

    def show(tab: Tab) -> None:
        open_it(tab)
        tab.page.keyboard.press("z")

    return show


def used_link(tab: Tab) -> None:
    """Follow a link that logs nobody in any more."""
    tab.page.context.clear_cookies()
    tab.open("/login?token=used")


def of_scene(name: str) -> Callable[[Tab], None]:
    """Show a page whose path is known when its scene was made."""
    return lambda tab: tab.open(f"{tab.space}/{PLACES[name]}")


def opens(path: str) -> Callable[[Tab], None]:
    """Show a page as it is: `{space}` stands for the path of the space."""
    return lambda tab: tab.open(path.format(space=tab.space))


PLACES: dict[str, str] = {}
SHOTS: dict[str, Callable[[Tab], None]] = {
    "spaces": opens("/"),
    "spaces-new": new_space,
    "shortcuts": shortcuts,
    "executions": opens("{space}/executions"),
    "executions-chosen": chosen,
    "executions-first": first_run,
    "execution": of_scene("execution"),
    "execution-value": of_scene("execution-value"),
    "execution-zoomed": zoomed(of_scene("execution-value")),
    "execution-graph": detail_scenes.in_view(of_scene("execution"), "Graph"),
    "execution-waiting": of_scene("execution-waiting"),
    "execution-difference": detail_scenes.in_view(of_scene("execution-retry"), "Difference"),
    "workflows": opens("{space}/workflows"),
    "workflow": of_scene("workflow"),
    "workflow-faulty": trigger_scenes.faulty(of_scene("workflow")),
    "workflow-run": trigger_scenes.run_dialog(of_scene("workflow")),
    "workflow-new": opens("{space}/workflows/new"),
    "workflow-versions": of_scene("versions"),
    "schedules": opens("{space}/schedules"),
    "schedule": of_scene("schedule"),
    "schedule-new": opens("{space}/schedules/new"),
    "webhooks": opens("{space}/webhooks"),
    "webhook": trigger_scenes.last_delivery(of_scene("webhook")),
    "webhook-new": opens("{space}/webhooks/new"),
    "not-found": opens("/spaces/nowhere"),
    "login": log_in_page,  # last, as these log out
    "login-used": used_link,
}


def take(browser: Browser, url: str, caller: Caller, folder: Path, wanted: list[str]) -> None:
    """Take the wanted pictures in every look."""
    for look, options in LOOKS.items():
        with browser.tab(url, caller, reduced_motion="reduce", **options) as tab:
            tab.log_in()
            for name in wanted:
                SHOTS[name](tab)
                tab.page.screenshot(path=folder / f"{name}-{look}.png", full_page=look == "narrow")
                tab.page.keyboard.press("Escape")
            tab.faults[:] = [fault for fault in tab.faults if not re.search("404|410", fault)]


def furnish(caller: Caller) -> None:
    """Fill the workspace with what the pictures show."""
    for name in ("Billing", "Customer onboarding with a rather long name", "Nightly reports"):
        made = caller.post(f"{caller.workspace}/spaces", {"name": name})
        if name == "Billing":
            place = f"{caller.workspace}/spaces/{made.get_json()['id']}/workflows"
            caller.post(place, {"name": "Send invoices", "definition": DEFINITION})


def main() -> None:
    """Start everything, take the pictures, stop everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("var/screenshots"))
    parser.add_argument("--only", nargs="*", choices=SHOTS, default=list(SHOTS))
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    with real.running() as servers:
        database = real.make_database(servers, "linea_pictures")
        env = {"DATABASE_URL": database, "REDIS_URL": servers.valkey, "SECRET_KEY": real.SECRET_KEY}
        settings = from_environment(env | {"LOG_LEVEL": "WARNING"})
        app = create_app(settings)
        caller = new_caller(app, app.test_client(), "Acme Ltd")
        furnish(caller)
        list_scenes.furnish(app, caller)
        PLACES.update(trigger_scenes.furnish(app, caller))
        with serving(settings) as url, chromium() as browser:
            PLACES.update(detail_scenes.furnish(caller))
            take(browser, url, caller, asked.folder, asked.only)
        with app.app_context():
            db.engine.dispose()


if __name__ == "__main__":
    main()

"""axe-core in a tab: what a page does wrong for those who cannot see it, or see little."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

RUN = "axe.run(document, {resultTypes: ['violations']})"


def violations(page: Page) -> list[str]:
    """Give each rule that is broken with the elements that break it; a page of ours has none."""
    page.evaluate(AXE_SCRIPT)
    found: list[dict[str, Any]] = page.evaluate(RUN)["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found for node in rule["nodes"]
    ]

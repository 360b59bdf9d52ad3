"""Executions worth a look on their page: one that failed, one that waits, one that repeats another."""

from collections.abc import Callable
from typing import Any

from tests.api.caller import Caller
from tests.journeys.traveller import Traveller, value
from tests.procfile import free_port
from tests.web.browser import Tab

Json = Any
LINES = "const lines = Array.from({length: 40}, (_, i) => ({sku: `A-${i}`, price: i * 1.5, ok: i % 3 > 0}));"
ORDER = {
    "id": "load_order",
    "type": "code",
    "name": "Load the order",
    "with": {"source": f"{LINES} console.log('40 lines'); return {{customer: input.customer, lines}};"},
}
PRICES = {
    "id": "price",
    "type": "transform",
    "forEach": "${{ steps.load_order.output.lines }}",
    "with": {"value": {"sku": "${{ item.sku }}", "total": "${{ item.price * 2 }}"}},
}


def failing(traveller: Traveller) -> str:
    """Make an execution that fails after a few attempts; give its id."""
    wrong = f"http://127.0.0.1:{free_port()}/ship"
    ship: dict[str, Json] = {
        "id": "ship",
        "type": "http",
        "needs": ["price", "stock"],
        "with": {"method": "POST", "url": wrong},
    }
    steps = [
        ORDER,
        PRICES,
        value("stock", {"warehouse": "Lyon", "left": 12}, needs=["load_order"]),
        {"id": "pause", "type": "wait", "needs": ["load_order"], "with": {"seconds": 1}},
        {**ship, "retry": {"attempts": 3, "backoffSeconds": 0.4, "jitter": False}},
        value("thank", "${{ steps.ship.output }}"),
        value("report", "${{ steps.load_order.output.customer }}", runOn="failure"),
    ]
    return traveller.run(*steps, input={"customer": {"name": "Ann", "since": 2019}})["id"]  # type: ignore[no-any-return]


def waiting(traveller: Traveller) -> str:
    """Make an execution that waits for a signal; give its id."""
    steps = [ORDER, PRICES, {"id": "approval", "type": "waitForSignal"}, value("done", True)]
    made = traveller.trigger(traveller.workflow(*steps), {"customer": "Ann"}, tags=["vip", "eu"])
    traveller.until(made, "approval", "waiting")
    return made


def repeated(traveller: Traveller) -> str:
    """Make an execution that repeats another with another input; give its id."""
    before = traveller.run(ORDER, PRICES, value("sum", {"of": "${{ input.n }}"}), input={"n": 1})["id"]
    path = f"{traveller.api.space}/executions/{before}/retry"
    made: str = traveller.api.post(path, {"from": "sum", "input": {"n": 2}}).get_json()["id"]
    traveller.finished(made)
    return made


def furnish(caller: Caller) -> dict[str, str]:
    """Make one of each, for which a worker must run; give the paths of their pages."""
    traveller = Traveller(caller)
    failed = f"executions/{failing(traveller)}"
    return {
        "execution": failed,
        "execution-value": f"{failed}?step=load_order",
        "execution-waiting": f"executions/{waiting(traveller)}?step=approval",
        "execution-retry": f"executions/{repeated(traveller)}",
    }


def in_view(show: Callable[[Tab], None], view: str) -> Callable[[Tab], None]:
    """Show a page of an execution in another view."""

    def shown(tab: Tab) -> None:
        show(tab)
        tab.page.get_by_role("tab", name=view).click()
        tab.page.locator("[role=tabpanel]:visible > :not(p)").first.wait_for()

    return shown


def looks_at(caller: Caller, tab: Tab, execution_id: str, step: str | None = None) -> None:
    """Open the page of an execution."""
    query = f"?step={step}" if step else ""
    tab.open(f"/spaces/{caller.space_id}/executions/{execution_id}{query}")

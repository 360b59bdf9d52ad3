"""`python -m tests.web.figures`: how fast pages are seen, how soon changes show, and what pages weigh."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from urllib.parse import urlsplit

from sqlalchemy import text

from app import create_app
from app.clock import now
from app.extensions import db
from app.services import api_keys
from app.settings import Settings, from_environment
from app.states import Role
from tests import servers as real
from tests.api.caller import Caller
from tests.store.million import SPACE, WORKSPACE, fill
from tests.web.browser import Tab, chromium, web
from tests.web.trigger_scenes import made

LOOKS = 12
CHANGES = 20
ONE_SPACE = "UPDATE executions SET workspace_id = :workspace, space_id = :space WHERE space_id <> :space"
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
ANSWERED = "performance.getEntriesByType('navigation')[0].responseEnd"
SHOWN = """status => new Promise((done) => {
  const row = () => document.querySelector('tr[data-execution-id]');
  const look = () => row()?.dataset.status === status && done(Date.now());
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true});
})"""
DEFINITION = {"steps": [{"id": "one", "type": "transform", "with": {"value": 1}}]}


def main() -> None:
    """Fill a database, look at its pages in a browser, print what was seen."""
    with real.running() as servers:
        database = real.make_database(servers, "linea_figures")
        env = {"DATABASE_URL": database, "REDIS_URL": servers.valkey, "SECRET_KEY": real.SECRET_KEY}
        settings = from_environment(env | {"LOG_LEVEL": "WARNING"})
        with ExitStack() as stack:
            caller = stack.enter_context(furnished(settings))
            url, browser = stack.enter_context(web(settings)), stack.enter_context(chromium())
            tab = stack.enter_context(browser.tab(url, caller))
            tab.log_in()
            tell_paint(tab)
            tell_changes(tab)
            tell_weights(tab)


@contextmanager
def furnished(settings: Settings) -> Iterator[Caller]:
    """Put a million executions into one space; give its admin."""
    app = create_app(settings)
    with app.app_context():
        with db.engine.begin() as tx:
            fill(tx)
            tx.execute(text(ONE_SPACE), {"workspace": WORKSPACE, "space": SPACE})
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
            tx.execute(text("VACUUM ANALYZE"))
        _, key = api_keys.create(WORKSPACE, "figures", Role.ADMIN)
        yield Caller(app.test_client(), WORKSPACE, SPACE, key)
        db.engine.dispose()


def tell_paint(tab: Tab) -> None:
    """Open the list again and again: when it is first painted, as the browser tells it."""
    painted, answered = [], []
    for _ in range(LOOKS):
        tab.open(f"{tab.space}/executions")
        tab.until(f"({PAINT}) > 0")
        painted.append(float(tab.page.evaluate(PAINT)))
        answered.append(float(tab.page.evaluate(ANSWERED)))
    count = tab.page.locator("#outcomes-title").inner_text()
    print(f"list of 1,000,000 ({count}): first paint", _spread(painted))  # noqa: T201
    print("  of which until the whole answer was there", _spread(answered))  # noqa: T201


def tell_changes(tab: Tab) -> None:
    """Cancel executions: how long after the answer, which follows the commit, the list shows it."""
    workflow_id = made(tab.caller, "workflows", name="Watched", definition=DEFINITION)["id"]
    found = []
    for _ in range(CHANGES):
        execution_id = _post(tab, "", {"workflowId": workflow_id, "runAt": "2999-01-01T00:00:00Z"})["id"]
        tab.open(f"{tab.space}/executions")
        tab.until("document.documentElement.dataset.live === 'live'")
        time.sleep(0.5)
        tab.page.evaluate(f"void (window.shown = ({SHOWN})('cancelled'))")
        _post(tab, f"/{execution_id}/cancel", {})
        committed = now().timestamp() * 1000
        found.append(max(0.0, float(tab.page.evaluate("window.shown")) - committed))
    print("a change shows after its commit:", _spread(found))  # noqa: T201


def tell_weights(tab: Tab) -> None:
    """Load pages with an empty cache: all bytes that come."""
    places = [f"{tab.space}/{noun}" for noun in ("executions", "workflows", "schedules", "webhooks")]
    newest = tab.caller.get(f"{tab.caller.space}/executions?limit=1").get_json()["data"][0]
    places += [f"{places[0]}/{newest['id']}", f"{places[1]}/{newest['workflowId']}"]
    network = tab.page.context.new_cdp_session(tab.page)
    loaded: list[float] = []
    network.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    for place in ["/", *places]:
        loaded.clear()
        tab.open(place)
        time.sleep(1)
        print(f"{sum(loaded) / 1024:6.1f} KiB  {place}")  # noqa: T201


def _post(tab: Tab, path: str, body: object) -> dict[str, str]:
    """Ask the web process, so that it is that which commits and tells."""
    connection = http.client.HTTPConnection(urlsplit(tab.url).netloc, timeout=30)
    headers = {"Authorization": f"Bearer {tab.caller.key}", "Content-Type": "application/json"}
    connection.request("POST", f"{tab.caller.space}/executions{path}", json.dumps(body), headers)
    with connection.getresponse() as answer:
        found: dict[str, str] = json.loads(answer.read())
    connection.close()
    return found


def _spread(found: list[float], write: Callable[[float], str] = "{:.0f} ms".format) -> str:
    return f"median {write(median(found))}, most {write(max(found))} of {len(found)}"


if __name__ == "__main__":
    main()

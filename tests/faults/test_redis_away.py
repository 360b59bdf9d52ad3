"""Redis is away, hangs or forgets everything: triggers are answered at once, and everything runs later."""

import time
from collections.abc import Callable

import pytest

from tests.faults.network import Proxy
from tests.faults.stand import Stand
from tests.faults.traffic import Customer, percentile
from tests.faults.verdict import Expected, judge, unfinished
from tests.journeys.processes import eventually
from tests.journeys.traveller import call, value

pytestmark = [pytest.mark.faults, pytest.mark.long]

TRIGGERS = 200
# The contract says "at once", 0.1 s on a quiet machine; waiting for Redis even once would take 0.3 s each.
P99_SECONDS = 1.0


@pytest.mark.parametrize("fault", [Proxy.freeze, Proxy.refuse], ids=["hangs", "refuses"])
def test_triggers_are_answered_at_once_while_redis(stand: Stand, fault: Callable[[Proxy], None]) -> None:
    web, _, _ = members = stand.ready("web", "worker", "clock")
    customer = Customer(web.url, stand.caller())
    workflow_id = customer.workflow(value("one", "${{ input }}"))
    customer.trigger(workflow_id, 0)
    customer.seconds.clear()

    for member in members:
        fault(member.redis)
    for number in range(TRIGGERS):
        customer.trigger(workflow_id, number)
    p50, p99 = (percentile(customer.seconds, percent) for percent in (50, 99))
    print(f"while redis is away: p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms")  # noqa: T201
    for member in members:
        member.heal()

    assert p50 < 0.1
    assert p99 < P99_SECONDS
    assert eventually(lambda: unfinished(stand) == 0, 60)
    assert judge(stand, Expected(customer.accepted)).faults == []


def test_a_valkey_that_comes_back_empty_loses_nothing(stand: Stand) -> None:
    patient = {"LEASE_SECONDS": "20"}  # no lease runs out because the machine is busy
    [web, *_] = stand.ready("web", "worker", "worker", "clock", WORKER_CONCURRENCY="20", **patient)
    customer = Customer(web.url, stand.caller())
    url = f"{stand.effects.url}/one?ms=200"
    workflow_id = customer.workflow(call("one", url), value("two", "${{ input }}"))
    for number in range(100):
        customer.trigger(workflow_id, number)

    stand.stop_valkey(forget=True)
    for number in range(50):
        customer.trigger(workflow_id, number)
    time.sleep(0.5)
    stand.start_valkey()

    assert eventually(lambda: unfinished(stand) == 0, 60)
    verdict = judge(stand, Expected(customer.accepted, effects=("one",)))
    assert verdict.faults == []
    assert verdict.figures["taken over"] == 0
    assert set(stand.effects.counts().values()) == {1}

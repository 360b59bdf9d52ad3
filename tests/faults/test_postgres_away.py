"""PostgreSQL is away, hangs, or its answers get lost: callers hear of it soon, and no worker does harm."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.sender import new_hook
from tests.faults.member import Member
from tests.faults.network import Proxy
from tests.faults.stand import Stand
from tests.faults.traffic import Customer, Reply, ask
from tests.faults.verdict import Expected, digest, judge, unfinished
from tests.journeys.processes import eventually
from tests.journeys.traveller import call, value

pytestmark = [pytest.mark.faults, pytest.mark.long]

LEASE = 3
AWAY_SECONDS = 5  # the contract says 3 on a quiet machine


def unreachable(proxy: Proxy) -> None:
    """Let nobody connect: all connections are gone, and new ones hang."""
    proxy.freeze()
    proxy.cut()


def try_trigger(customer: Customer, workflow_id: str) -> Reply:
    """Trigger one time; an answer that takes longer than it may is a failure anyway."""
    body = {"workflowId": workflow_id}
    return customer.once("POST", f"{customer.caller.space}/executions", body, timeout=20)


FAULTS = {"hangs": Proxy.freeze, "refuses": Proxy.refuse, "cannot be reached": unreachable}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_caller_is_told_soon_when_to_come_back_while_postgres(
    stand: Stand, fault: Callable[[Proxy], None]
) -> None:
    [web] = stand.ready("web")
    customer = Customer(web.url, stand.caller())
    workflow_id = customer.workflow(value("one", 1))
    customer.trigger(workflow_id, None)

    fault(web.postgres)
    replies = [try_trigger(customer, workflow_id) for _ in range(3)]
    web.heal()

    assert {reply.status for reply in replies} == {503}
    assert {reply.body["code"] for reply in replies} == {"database_unavailable"}
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in replies)
    print("answers while postgres is away:", [round(reply.seconds, 2) for reply in replies])  # noqa: T201
    assert max(reply.seconds for reply in replies) < AWAY_SECONDS
    assert eventually(lambda: try_trigger(customer, workflow_id).status == 202, 30)


def by_trigger(customer: Customer, workflow_id: str, seconds: int) -> Reply:
    """Trigger and wait for the end."""
    body, path = {"workflowId": workflow_id}, f"{customer.caller.space}/executions"
    return customer.once("POST", path, body, timeout=60, Prefer=f"wait={seconds}")


def by_webhook(customer: Customer, workflow_id: str, _seconds: int) -> Reply:
    """Call a webhook that answers with the result, however long it takes."""
    hook = new_hook(customer.caller, {"id": workflow_id}, respond="result")
    return ask(f"{customer.url}/webhooks/{hook.made['id']}", "POST", {}, timeout=60)


@pytest.mark.parametrize(
    ("send", "fault", "seconds", "status"),
    [
        (by_trigger, Proxy.refuse, 25, 200),
        (by_trigger, Proxy.refuse, 4, 202),
        (by_trigger, Proxy.freeze, 4, 202),
        (by_webhook, Proxy.refuse, 25, 200),
    ],
    ids=["trigger, back soon", "trigger, refused", "trigger, hanging", "webhook, back soon"],
)
def test_who_waits_for_an_end_keeps_what_was_accepted_while_postgres_is_away(
    stand: Stand,
    send: Callable[[Customer, str, int], Reply],
    fault: Callable[[Proxy], None],
    seconds: int,
    status: int,
) -> None:
    web, *_ = stand.ready("web", "worker", "clock")
    customer = Customer(web.url, stand.caller())
    workflow_id = customer.workflow(call("one", f"{stand.effects.url}/one?ms=2000"), value("two", 2))

    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(send, customer, workflow_id, seconds)
        assert eventually(lambda: stand.effects.seen, 30)
        fault(web.postgres)
        time.sleep(1)
        if status == 200:
            web.heal()
        reply = answer.result()
    web.heal()

    assert reply.status == status, reply
    [row] = stand.sql("SELECT id::text AS id FROM executions")
    assert send is by_webhook or (reply.body["id"], reply.headers["location"][-36:]) == (row.id, row.id)
    assert eventually(lambda: unfinished(stand) == 0, 40)


def three_calls(stand: Stand, milliseconds: int) -> list[dict[str, object]]:
    """Write three http steps, one after another, and what gives the input back."""
    urls = {step_id: f"{stand.effects.url}/{step_id}?ms={milliseconds}" for step_id in ("a", "b", "c")}
    return [*(call(step_id, url) for step_id, url in urls.items()), value("last", "${{ input }}")]


def works(stand: Stand, customer: Customer, workflow_id: str) -> bool:
    """Tell whether an execution runs now."""
    found = customer.trigger(workflow_id, "works")
    query = "SELECT status::text AS status FROM executions WHERE id = %(id)s::uuid"
    return eventually(lambda: stand.sql(query, id=found)[0].status == "completed", 40)


@pytest.mark.parametrize("cut", [False, True], ids=["and answers late", "and never answers"])
def test_a_worker_without_postgres_for_longer_than_its_lease_does_no_harm(stand: Stand, cut: bool) -> None:
    web, cut_off = stand.ready("web", "worker")
    customer = Customer(web.url, stand.caller())
    workflow_id = customer.workflow(*three_calls(stand, 500))
    for number in range(20):
        customer.trigger(workflow_id, number)
    assert eventually(lambda: len(stand.effects.seen) >= 20, 30)

    cut_off.postgres.freeze()
    stand.ready("worker", "clock")
    assert eventually(lambda: unfinished(stand) == 0, 60)
    before, calls = digest(stand), len(stand.effects.seen)
    if cut:
        cut_off.postgres.cut()
    cut_off.heal()
    time.sleep(2.5)

    assert digest(stand) == before
    assert len(stand.effects.seen) == calls
    stand.of("worker")[1].end()
    assert works(stand, customer, workflow_id)
    assert judge(stand, Expected(customer.accepted, effects=("a", "b", "c"))).faults == []


@pytest.mark.parametrize("claiming", [False, True], ids=["writes", "claims"])
def test_locks_are_not_held_for_long_by_a_worker_that_hangs_while_it(stand: Stand, claiming: bool) -> None:
    web, hung = stand.ready("web", "worker")
    customer = Customer(web.url, stand.caller())
    workflow_id = customer.workflow(*three_calls(stand, 500))
    if claiming:
        hung.postgres.freeze_after(b"FOR NO KEY UPDATE")
    for number in range(5):
        customer.trigger(workflow_id, number)
    if not claiming:
        assert eventually(lambda: len(stand.effects.seen) >= 5, 30)
        hung.postgres.freeze_after(b"FOR NO KEY UPDATE")
    assert hung.postgres.caught.wait(30)

    begun = time.monotonic()
    stand.ready("worker", "clock")
    customer.trigger(workflow_id, "another of the same workspace")
    ended = eventually(lambda: unfinished(stand) == 0, 120)
    print(f"all ended {time.monotonic() - begun:.0f} s after a worker hung with its locks")  # noqa: T201
    hung.heal()

    assert ended
    assert time.monotonic() - begun < 50
    assert judge(stand, Expected(customer.accepted, effects=("a", "b", "c"))).faults == []


@pytest.mark.parametrize("fault", [Proxy.freeze, Proxy.refuse], ids=["hangs", "refuses"])
def test_nobody_is_lost_while_postgres_is_away_for_all_for_longer_than_the_lease(
    stand: Stand, fault: Callable[[Proxy], None]
) -> None:
    members = stand.ready("web", "worker", "worker", "clock")
    customer = Customer(members[0].url, stand.caller())
    workflow_id = customer.workflow(*three_calls(stand, 2000))
    for number in range(10):
        customer.trigger(workflow_id, number)
    assert eventually(lambda: len(stand.effects.seen) >= 10, 30)
    assert eventually(lambda: stand.sql("SELECT last_tick_at AS at FROM installation")[0].at, 30)

    for member in members:
        fault(member.postgres)
    time.sleep(2 * LEASE)
    for member in members:
        member.heal()

    assert eventually(lambda: unfinished(stand) == 0, 60)
    verdict = judge(stand, Expected(customer.accepted, effects=("a", "b", "c")))
    assert verdict.faults == []
    assert verdict.figures["taken over"] == 0
    assert set(stand.effects.counts().values()) == {1}


@pytest.mark.parametrize("frozen", [False, True], ids=["answer late", "worker frozen"])
def test_a_commit_that_is_heard_of_after_the_lease_starts_no_effect(stand: Stand, frozen: bool) -> None:
    web, late = stand.ready("web", "worker", LEASE_SECONDS="5")
    customer = Customer(web.url, stand.caller())
    workflow_id = customer.workflow(*three_calls(stand, 50))
    late.postgres.freeze_after(b"INSERT INTO execution_steps", b"COMMIT")
    customer.trigger(workflow_id, 1)
    assert late.postgres.caught.wait(
        30
    )  # that the first step runs is on record, and its worker waits to know
    if frozen:
        late.freeze()
        late.postgres.heal()

    stand.ready("worker", "clock", LEASE_SECONDS="5")
    assert eventually(lambda: unfinished(stand) == 0, 60)
    late.heal()
    time.sleep(2)

    assert judge(stand, Expected(customer.accepted, effects=("a", "b", "c"))).faults == []
    assert set(stand.effects.counts().values()) == {1}


def lose_answer_to_commit(worker: Member) -> bool:
    """Let the next commit of a worker happen, and its answer get lost with the connection."""
    worker.postgres.trap(b"COMMIT")
    caught = worker.postgres.caught.wait(20)
    time.sleep(0.1)
    worker.heal()
    return caught


def test_commits_whose_answers_get_lost_are_neither_lost_nor_made_twice(stand: Stand) -> None:
    web, worker, _ = stand.ready("web", "worker", "clock", LEASE_SECONDS="20")
    customer = Customer(web.url, stand.caller())
    workflow_id = customer.workflow(*three_calls(stand, 100))

    lost = 0
    for _ in range(12):
        for number in range(5):
            customer.trigger(workflow_id, number)
        lost += lose_answer_to_commit(worker)

    assert lost == 12
    assert eventually(lambda: unfinished(stand) == 0, 60)
    verdict = judge(stand, Expected(customer.accepted, effects=("a", "b", "c")))
    assert verdict.faults == []
    assert verdict.figures["taken over"] == 0
    assert set(stand.effects.counts().values()) == {1}

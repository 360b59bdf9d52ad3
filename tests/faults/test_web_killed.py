"""A web that is killed: whoever asks again finds what the first call made, and nobody of it serves on."""

import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import psutil
import pytest

from tests.api.sender import new_hook
from tests.faults.stand import Stand
from tests.faults.traffic import Customer, Reply, ask, persist
from tests.faults.verdict import Expected, judge, unfinished
from tests.journeys.processes import eventually
from tests.journeys.traveller import value
from tests.living import living
from tests.procfile import answers

pytestmark = pytest.mark.faults

DELIVERIES, SENDERS, KILLS = 12, 6, 4


def test_a_repeat_after_a_kill_between_commit_and_answer_finds_its_execution(stand: Stand) -> None:
    web, _, _ = stand.ready("web", "worker", "clock")
    customer = Customer(web.url, stand.caller())
    workflow_id = customer.workflow(value("one", "${{ input }}"))
    body, path = {"workflowId": workflow_id, "input": 7}, f"{customer.caller.space}/executions"
    customer.trigger(workflow_id, 0)

    def send() -> Reply:
        return customer.once("POST", path, body, Idempotency_Key="the same")

    with ThreadPoolExecutor(1) as thread:
        web.postgres.trap(b"INSERT INTO executions", b"COMMIT")
        first = thread.submit(send)
        assert web.postgres.caught.wait(30)
        assert eventually(lambda: stand.sql("SELECT count(*) AS rows FROM executions")[0].rows == 2, 30)
        web.kill()
        with pytest.raises((OSError, HTTPException)):
            first.result()
    web.heal()
    web.restart()
    web.await_ready()
    again = send()

    assert again.status == 202
    assert again.headers["idempotency-replayed"] == "true"
    customer.accepted[again.body["id"]] = 7
    assert eventually(lambda: unfinished(stand) == 0, 40)
    assert judge(stand, Expected(customer.accepted)).faults == []


def test_a_web_whose_first_process_is_killed_leaves_nobody_to_serve(stand: Stand) -> None:
    web = stand.ready("web", WEB_CONCURRENCY="2")[0]
    family = psutil.Process(web.process.pid).children(recursive=True)

    web.process.kill()
    web.process.wait()

    assert len(family) >= 2
    assert eventually(lambda: not living(family))
    assert not answers(web.port)


def test_identical_deliveries_around_kills_of_the_web_make_one_execution_each(stand: Stand) -> None:
    [web] = stand.ready("web")
    caller = stand.caller()
    customer = Customer(web.url, caller)
    hook = new_hook(caller, {"id": customer.workflow(value("one", 1))})
    url = f"{web.url}/webhooks/{hook.made['id']}"

    def deliver(number: int) -> str:
        def send() -> Reply:
            return ask(url, "POST", {"n": number}, webhook_id=f"delivery {number}")

        reply = persist(send)
        assert reply.status in (200, 202), reply
        found: str = reply.body["executionId"]
        return found

    with ThreadPoolExecutor(SENDERS * 2) as senders:
        calls = [(n, senders.submit(deliver, n)) for n in range(DELIVERIES) for _ in range(SENDERS)]
        for _ in range(KILLS):
            time.sleep(0.05)
            web.kill()
            web.restart()
            web.await_ready()
        answers = [(number, made.result()) for number, made in calls]

    assert len(set(answers)) == DELIVERIES
    [row] = stand.sql("SELECT count(*) AS executions FROM executions")
    assert row.executions == DELIVERIES

"""Our worker does what RQ tells it, and what is not ours is refused."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from flask import Flask
from rq.command import send_stop_job_command
from rq.serializers import JSONSerializer

from app.settings import Settings
from tests.engine.rq_tools import RUN_EXECUTION, completed, left_over, rq, send, slow, stock_queue, workers
from tests.journeys import processes
from tests.journeys.processes import eventually
from tests.journeys.upstream import Record
from tests.store.place import Place


@pytest.fixture(scope="module", autouse=True)
def _worker(settings: Settings) -> Iterator[None]:
    with processes.worker(settings):
        yield


def test_our_worker_runs_a_job_that_stock_rq_sent(place: Place, client: "redis.Redis") -> None:
    ids = place.add(2)

    for execution_id in ids:
        stock_queue(client).enqueue(
            RUN_EXECUTION, executionId=str(execution_id), workspaceId=str(place.scope.workspace_id)
        )

    assert completed(place, *ids)
    assert eventually(lambda: left_over(client) == []), left_over(client)


def test_jobs_that_are_not_ours_are_refused_and_harm_nobody(
    place: Place, client: "redis.Redis", tmp_path: Path
) -> None:
    [execution_id, last] = place.add(2)
    trace = tmp_path / "trace"
    ids = {"executionId": str(execution_id), "workspaceId": str(place.scope.workspace_id)}
    queue, pickling = stock_queue(client), stock_queue(client, serializer=None)

    pickling.enqueue(RUN_EXECUTION, kwargs=ids)
    pickling.enqueue(os.system, f"touch {trace}")
    queue.enqueue("os.system", f"touch {trace}")
    queue.enqueue("app.jobs.tick")
    queue.enqueue(RUN_EXECUTION, kwargs=ids | {"more": 1})
    queue.enqueue(RUN_EXECUTION, *ids.values())
    queue.enqueue(RUN_EXECUTION, executionId="no uuid", workspaceId=1)
    queue.enqueue(RUN_EXECUTION, kwargs=ids | {"executionId": None})
    client.rpush("rq:queue:executions", "a job without a hash", b"\xff\xfe")
    client.hset("rq:job:garbage", "data", b"x\x9c garbage")
    client.rpush("rq:queue:executions", "garbage")
    send(client, place, last)

    assert completed(place, last)
    assert (place.row(execution_id).status, trace.exists()) == ("pending", False)
    assert queue.job_ids == []
    assert eventually(lambda: -1 not in [client.ttl(key) for key in left_over(client)])  # they expire


def test_rq_suspend_and_resume_are_obeyed(place: Place, client: "redis.Redis", settings: Settings) -> None:
    rq(settings, "suspend")
    ids = place.add(3)
    send(client, place, *ids)

    assert not eventually(lambda: set(place.statuses().values()) != {"pending"}, 2.5)
    assert len(stock_queue(client).job_ids) == 3

    rq(settings, "resume")
    assert completed(place, *ids)


def test_a_stop_job_command_cancels_the_execution(
    app: Flask, place: Place, client: "redis.Redis", upstream: Record
) -> None:
    execution_id = slow(app, place, upstream)
    [job_id] = send(client, place, execution_id)
    assert eventually(lambda: upstream.keys_of("/slow"))
    assert eventually(
        lambda: client.pubsub_numsub(*[f"rq:pubsub:{n}" for n in workers(client)] or ["-"])[0][1]
    )

    send_stop_job_command(client, job_id, serializer=JSONSerializer)

    assert eventually(lambda: place.row(execution_id).status == "cancelled")
    assert place.row(execution_id).reason == "requested"
    assert eventually(lambda: left_over(client) == []), left_over(client)


def test_an_idle_service_leaves_nothing_in_redis(place: Place, client: "redis.Redis") -> None:
    ids = place.add(500)
    send(client, place, *ids)
    send(client, place, *ids[:50])
    place.change("status = 'cancelled', reason = 'requested', completed_at = now()", place.add(1))

    assert completed(place, *ids)
    assert eventually(lambda: left_over(client) == []), left_over(client)[:5]

"""To RQ our worker is a worker and our jobs are jobs, and what is not ours is refused."""

import json
import os
import signal
import zlib
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
import redis
from flask import Flask
from rq.command import send_shutdown_command, send_stop_job_command
from rq.job import Job
from rq.serializers import JSONSerializer

from app.settings import Settings
from tests.engine.rq_tools import RUN_EXECUTION, left_over, rq, send, stock_queue, workers
from tests.journeys import processes
from tests.journeys.processes import Process, eventually
from tests.journeys.traveller import call
from tests.journeys.upstream import Record, serving
from tests.store.place import Place, new_workflow


@pytest.fixture
def client(settings: Settings) -> Iterator["redis.Redis"]:
    """Give a client of the Redis under test."""
    with redis.Redis.from_url(settings.redis_url) as opened:
        yield opened


@pytest.fixture
def worker(settings: Settings) -> Iterator[Process]:
    """Run our worker."""
    with processes.worker(settings) as process:
        yield process


@pytest.fixture
def upstream() -> Iterator[Record]:
    """Run a server for http steps."""
    with serving() as record:
        yield record


def completed(place: Place, *ids: UUID) -> bool:
    """Tell whether executions have completed, within ten seconds."""
    return eventually(lambda: all(place.statuses()[i] == "completed" for i in ids))


def slow(app: Flask, place: Place, upstream: Record, seconds: int = 20) -> UUID:
    """Make a pending execution that waits long for its one call."""
    definition = {"steps": [call("one", f"{upstream.url}/slow?wait={seconds}")]}
    [execution_id] = place.add(workflow_id=new_workflow(app, place.scope, definition))
    return execution_id


def test_a_job_carries_exactly_the_two_ids_as_json(place: Place, client: "redis.Redis") -> None:
    [execution_id] = place.add()

    [job_id] = send(client, place, execution_id)

    raw = client.hget(f"rq:job:{job_id}", "data")
    job = Job.fetch(job_id, connection=client, serializer=JSONSerializer)
    arguments = {"executionId": str(execution_id), "workspaceId": str(place.scope.workspace_id)}
    assert json.loads(zlib.decompress(raw)) == [RUN_EXECUTION, None, [], arguments]
    assert (job.func_name, job.args, job.kwargs) == (RUN_EXECUTION, [], arguments)
    assert (job.id, job.origin, job.result_ttl) == (f"{execution_id}-1", "executions", 0)
    assert str(job.get_status()) == "JobStatus.QUEUED"
    assert stock_queue(client).job_ids == [job_id]


def test_a_stock_worker_runs_our_job(place: Place, client: "redis.Redis", settings: Settings) -> None:
    [execution_id] = place.add(input={"n": 1})
    send(client, place, execution_id)

    rq(settings, "worker", "executions", "--burst", "--serializer", "rq.serializers.JSONSerializer")

    row = place.row(execution_id)
    assert (row.status, row.output, row.worker) == ("completed", {"n": 1}, None)
    assert left_over(client) == []


def test_a_stock_simple_worker_runs_our_jobs(place: Place, client: "redis.Redis", settings: Settings) -> None:
    ids = place.add(3)
    send(client, place, *ids)

    options = ["--serializer", "rq.serializers.JSONSerializer", "--worker-class", "rq.SimpleWorker"]
    said = rq(settings, "worker", "executions", "--burst", *options)

    assert set(place.statuses().values()) == {"completed"}, said


@pytest.mark.usefixtures("worker")
def test_our_worker_runs_a_job_that_stock_rq_sent(place: Place, client: "redis.Redis") -> None:
    ids = place.add(2)

    for execution_id in ids:
        stock_queue(client).enqueue(
            RUN_EXECUTION, executionId=str(execution_id), workspaceId=str(place.scope.workspace_id)
        )

    assert completed(place, *ids)
    assert eventually(lambda: left_over(client) == []), left_over(client)


@pytest.mark.usefixtures("worker")
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
    assert -1 not in [client.ttl(key) for key in left_over(client)]  # they go by themselves


def test_rq_info_shows_the_queue_and_the_worker(
    client: "redis.Redis", settings: Settings, worker: Process
) -> None:
    assert eventually(lambda: len(workers(client)) == 1)
    [name] = workers(client)

    said = rq(settings, "info")

    assert "executions" in said
    assert name in said
    assert "1 workers" in said
    processes.stop(worker)
    assert workers(client) == {}
    assert name not in rq(settings, "info")


def test_a_worker_that_works_is_busy(
    app: Flask, place: Place, client: "redis.Redis", settings: Settings, upstream: Record
) -> None:
    execution_id = slow(app, place, upstream)
    send(client, place, execution_id)

    with processes.worker(settings):
        assert eventually(lambda: upstream.keys_of("/slow"))
        assert eventually(lambda: list(workers(client).values()) in (["busy"], ["WorkerStatus.BUSY"]))


@pytest.mark.usefixtures("worker")
def test_rq_suspend_and_resume_are_obeyed(place: Place, client: "redis.Redis", settings: Settings) -> None:
    rq(settings, "suspend")
    ids = place.add(3)
    send(client, place, *ids)

    assert not eventually(lambda: set(place.statuses().values()) != {"pending"}, 2.5)
    assert len(stock_queue(client).job_ids) == 3

    rq(settings, "resume")
    assert completed(place, *ids)


def test_a_shutdown_command_ends_the_worker_in_order(client: "redis.Redis", worker: Process) -> None:
    assert eventually(
        lambda: client.pubsub_numsub(*[f"rq:pubsub:{name}" for name in workers(client)] or ["-"])[0][1]
    )
    [name] = workers(client)

    send_shutdown_command(client, name)

    assert worker.wait(10) == 0
    assert workers(client) == {}


@pytest.mark.usefixtures("worker")
def test_a_stop_job_command_cancels_the_execution(
    app: Flask, place: Place, client: "redis.Redis", upstream: Record
) -> None:
    execution_id = slow(app, place, upstream)
    [job_id] = send(client, place, execution_id)
    assert eventually(lambda: upstream.keys_of("/slow"))
    assert eventually(lambda: client.pubsub_numsub(*[f"rq:pubsub:{n}" for n in workers(client)])[0][1])

    send_stop_job_command(client, job_id, serializer=JSONSerializer)

    assert eventually(lambda: place.row(execution_id).status == "cancelled", 2)
    assert place.row(execution_id).reason == "requested"
    assert eventually(lambda: left_over(client) == []), left_over(client)


@pytest.mark.usefixtures("worker")
def test_an_idle_service_leaves_nothing_in_redis(place: Place, client: "redis.Redis") -> None:
    ids = place.add(500)
    send(client, place, *ids)
    send(client, place, *ids[:50])
    place.change("status = 'cancelled', reason = 'requested', completed_at = now()", place.add(1))

    assert completed(place, *ids)
    assert eventually(lambda: left_over(client) == []), left_over(client)[:5]


def test_a_stopped_worker_leaves_nothing_in_redis(
    app: Flask, place: Place, client: "redis.Redis", settings: Settings, upstream: Record
) -> None:
    ids = place.add(20)
    send(client, place, *ids)
    with processes.worker(settings) as process:
        assert completed(place, *ids)
        assert processes.stop(process, signal.SIGINT) == 0

    assert left_over(client) == []
    assert [key for key in client.keys("rq:worker*") if client.ttl(key) < 0] == []

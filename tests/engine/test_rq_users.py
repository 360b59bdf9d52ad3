"""To RQ our jobs are jobs and our worker is a worker, from its birth to its end."""

import json
import signal
from collections.abc import Iterator

import pytest
import redis
from flask import Flask
from rq.command import send_shutdown_command
from rq.job import Job
from rq.serializers import JSONSerializer

from app.services.queues import LEAST_LEFT
from app.settings import Settings
from tests.engine.rq_tools import RUN_EXECUTION, completed, left_over, rq, send, slow, stock_queue, workers
from tests.journeys import processes
from tests.journeys.processes import Process, eventually
from tests.journeys.upstream import Record
from tests.store.place import Place


@pytest.fixture
def worker(settings: Settings) -> Iterator[Process]:
    """Run our worker."""
    with processes.worker(settings) as process:
        yield process


def test_a_job_carries_exactly_the_two_ids_as_json(place: Place, client: "redis.Redis") -> None:
    [execution_id] = place.add()

    [job_id] = send(client, place, execution_id)

    raw = client.hget(f"rq:job:{job_id}", "data")
    job = Job.fetch(job_id, connection=client, serializer=JSONSerializer)
    arguments = {"executionId": str(execution_id), "workspaceId": str(place.scope.workspace_id)}
    assert json.loads(raw) == [RUN_EXECUTION, None, [], arguments]
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


def test_rq_info_shows_the_queue_and_the_worker(
    client: "redis.Redis", settings: Settings, worker: Process
) -> None:
    assert eventually(lambda: len(workers(client)) == 1)
    [name] = workers(client)

    said = rq(settings, "info")

    assert "executions" in said
    assert name in said
    assert "1 workers" in said
    assert client.ttl(f"rq:worker:{name}") > LEAST_LEFT
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


def test_a_shutdown_command_ends_the_worker_in_order(client: "redis.Redis", worker: Process) -> None:
    assert eventually(
        lambda: client.pubsub_numsub(*[f"rq:pubsub:{name}" for name in workers(client)] or ["-"])[0][1]
    )
    [name] = workers(client)

    send_shutdown_command(client, name)

    assert worker.wait(60) == 0
    assert workers(client) == {}


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

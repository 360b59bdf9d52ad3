"""`queue status`, `pause` and `resume`: the whole installation."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import redis
from flask import Flask

from app import clock, create_app
from app.extensions import db
from app.settings import Settings
from tests.cli.shell import Place, Run, parsed, refusal

NEVER = "redis://127.0.0.1:1"


@pytest.fixture
def valkey(redis_url: str) -> Iterator["redis.Redis"]:
    """Give a client of the Redis database."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def without_redis(settings: Settings) -> Iterator[Flask]:
    """Give an application whose Redis is away."""
    app = create_app(replace(settings, redis_url=NEVER))
    yield app
    with app.app_context():
        db.engine.dispose()


def fill(place: Place) -> None:
    """Make executions in every state that the status tells apart, the oldest due one 100 s old."""
    place.trigger(8)
    place.trigger(1, run_at=clock.now() + timedelta(hours=1))
    begun = "UPDATE executions SET reason = NULL, status = 'running', started_at = now()"
    pick = "WHERE id IN (SELECT id FROM executions WHERE status = 'pending' ORDER BY id LIMIT %s)"
    place.sql("UPDATE executions SET created_at = now() - interval '100 s' WHERE run_at IS NULL")
    place.sql(f"{begun}, worker = 'w', lease_expires_at = now() + interval '1 h' {pick}", 1)
    place.sql(f"{begun}, wake_at = now() + interval '1 h' {pick}", 2)
    place.sql(f"UPDATE executions SET reason = 'concurrency' {pick}", 1)
    held = "SELECT id FROM executions WHERE status = 'pending' AND reason = 'queued' ORDER BY id LIMIT 1"
    place.sql(f"UPDATE executions SET reason = 'overlap' WHERE id = ({held})")


@pytest.mark.usefixtures("database_url", "redis_url")
def test_the_status_of_an_empty_queue_is_all_zero(run: Run) -> None:
    assert parsed(run("queue", "status", "--json")) == {
        "pending": 0,
        "queued": 0,
        "held": 0,
        "running": 0,
        "waiting": 0,
        "workers": 0,
        "oldestPendingSeconds": None,
        "paused": False,
        "lastTickSeconds": None,
    }


def test_the_status_tells_apart_what_may_start_is_held_delayed_running_and_waiting(
    run: Run, place: Place
) -> None:
    fill(place)

    status = parsed(run("queue", "status", "--json"))

    assert (status["pending"], status["queued"], status["held"]) == (6, 3, 1)
    assert (status["running"], status["waiting"]) == (3, 2)
    assert 100 <= status["oldestPendingSeconds"] < 160


def test_the_status_counts_workers_that_give_signs_of_life_and_the_age_of_the_last_tick(
    run: Run, place: Place, valkey: "redis.Redis"
) -> None:
    place.sql("UPDATE installation SET last_tick_at = now() - interval '7 s'")
    valkey.sadd("rq:workers:executions", "rq:worker:alive", "rq:worker:killed", "rq:worker:frozen")
    for name, seconds in (("alive", 600), ("frozen", 120 - 16)):
        valkey.hset(f"rq:worker:{name}", "state", "idle")
        valkey.expire(f"rq:worker:{name}", seconds)

    status = parsed(run("queue", "status", "--json"))

    assert status["workers"] == 1
    assert 7 <= status["lastTickSeconds"] < 60


def test_people_get_the_status_as_named_lines(run: Run, place: Place) -> None:
    place.trigger(2)

    lines = [line.split() for line in run("queue", "status").stdout.splitlines()]

    assert ["queued", "2"] in lines
    assert ["paused", "no"] in lines
    assert ["lastTickSeconds", "-"] in lines


def test_a_pause_is_kept_in_the_database_and_told_to_the_workers_at_once(
    run: Run, place: Place, valkey: "redis.Redis"
) -> None:
    [execution_id] = place.trigger()

    paused = run("queue", "pause")

    assert (paused.exit_code, valkey.exists("rq:suspended")) == (0, 1)
    assert parsed(run("queue", "status", "--json"))["paused"] is True
    assert parsed(run("executions", "show", str(execution_id), "--json"))["reason"] == "paused"
    assert run("queue", "resume").stdout == "resumed\n"
    assert valkey.exists("rq:suspended") == 0
    assert parsed(run("queue", "status", "--json"))["paused"] is False


@pytest.mark.usefixtures("database_url")
def test_pause_resume_and_status_do_without_redis(without_redis: Flask) -> None:
    runner = without_redis.test_cli_runner()

    paused = runner.invoke(args=["queue", "pause"])
    status = parsed(runner.invoke(args=["queue", "status", "--json"]))
    resumed = runner.invoke(args=["queue", "resume"])

    assert (paused.exit_code, resumed.exit_code) == (0, 0)
    assert (status["paused"], status["workers"]) == (True, None)


def test_a_resume_sends_again_what_was_taken_off_the_list_during_the_pause(
    run: Run, place: Place, valkey: "redis.Redis"
) -> None:
    [execution_id] = place.trigger()
    run("queue", "pause")
    place.app.extensions["sender"].close()
    valkey.delete("rq:queue:executions")
    place.sql("UPDATE executions SET sent_at = now() - interval '6 s'")

    run("queue", "resume")

    assert valkey.lrange("rq:queue:executions", 0, -1) == [f"{execution_id}-2".encode()]


@pytest.mark.usefixtures("database_url")
def test_a_resume_says_when_rq_itself_holds_the_workers(run: Run, valkey: "redis.Redis") -> None:
    valkey.set("rq:suspended", 1)

    refused = run("queue", "resume")

    assert refusal(refused) == "The workers are suspended by rq suspend: let them go on with rq resume"
    assert valkey.get("rq:suspended") == b"1"


def test_a_drain_takes_only_a_number_of_seconds(run: Run) -> None:
    refused = run("queue", "drain", "--timeout", "nan")

    assert refused.exit_code == 2
    assert "nan is no number of seconds." in refused.stderr

"""A worker that is killed, frozen or stopped: nothing is lost, and nothing that completed runs again."""

import signal
import time
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest
import redis
from flask import Flask

from app import create_app
from app.embedded import start_postgres
from app.extensions import db
from app.settings import Settings, from_environment
from tests.api.caller import new_caller
from tests.journeys import processes
from tests.journeys.processes import eventually
from tests.journeys.traveller import Traveller, call, value
from tests.journeys.upstream import Record
from tests.servers import SECRET_KEY, migrate
from tests.store.place import Place

pytestmark = [pytest.mark.faults, pytest.mark.long]

SHORT_LEASE = {"LEASE_SECONDS": "5"}
SOON = 30  # A lease and two ticks are 7 s; the rest is for a busy machine.
EVERYTHING = (
    "SELECT e.*, s.*, (SELECT count(*) FROM execution_step_logs) AS lines "
    "FROM executions e LEFT JOIN execution_steps s ON s.execution_id = e.id ORDER BY e.id, s.step_id"
)


def three_calls(upstream: Record, seconds: float) -> list[dict[str, object]]:
    """Write three http steps, one after another."""
    return [call(step_id, f"{upstream.url}/{step_id}?wait={seconds}") for step_id in ("a", "b", "c")]


def calls_of(upstream: Record) -> Counter[str]:
    """Count the calls by their idempotency key."""
    with upstream.lock:
        return Counter(key for _, key in upstream.keys)


def completed_steps(place: Place) -> set[str]:
    """Name the steps that are recorded as completed, as their idempotency keys do."""
    query = "SELECT execution_id, step_id FROM execution_steps WHERE status = 'completed'"
    return {f"{row.execution_id}:{row.step_id}" for row in place.sql(query)}


def ended(place: Place, ids: list[str]) -> bool:
    """Tell whether all have completed."""
    statuses = place.statuses()
    return all(statuses[UUID(i)] == "completed" for i in ids)


def test_after_kill_9_everything_goes_on_and_no_completed_step_runs_again(
    traveller: Traveller, place: Place, settings: Settings, upstream: Record
) -> None:
    workflow_id = traveller.workflow(*three_calls(upstream, 0.3))
    with processes.clock(settings), processes.worker(settings, **SHORT_LEASE):
        victim = processes.start_worker(settings, **SHORT_LEASE)
        ids = traveller.trigger_many(workflow_id, [None] * 200)
        assert eventually(lambda: len(completed_steps(place)) > 250)
        victim.kill()
        victim.wait()
        killed = time.monotonic()
        before = completed_steps(place)

        assert eventually(lambda: ended(place, ids), pause=0.1), Counter(place.statuses().values())
        took = time.monotonic() - killed

    calls = calls_of(upstream)
    taken_over = place.sql("SELECT takeovers FROM executions WHERE takeovers > 0")
    assert took < SOON
    assert 0 < len(before) < 600
    assert {row.takeovers for row in taken_over} == {1}
    assert set(calls) == {f"{i}:{step_id}" for i in ids for step_id in ("a", "b", "c")}
    assert {key for key, count in calls.items() if count > 1} & before == set()
    assert max(calls.values()) <= 2


def test_a_frozen_worker_that_wakes_up_writes_nothing(
    traveller: Traveller, place: Place, settings: Settings, upstream: Record
) -> None:
    workflow_id = traveller.workflow(*three_calls(upstream, 0.5), value("last", 1))
    frozen = processes.start_worker(settings, **SHORT_LEASE)
    try:
        ids = traveller.trigger_many(workflow_id, [None] * 20)
        assert eventually(lambda: len(calls_of(upstream)) >= 20)
        frozen.send_signal(signal.SIGSTOP)
        with processes.clock(settings), processes.worker(settings):
            assert eventually(lambda: ended(place, ids), pause=0.1)
        rows, calls = place.sql(EVERYTHING), calls_of(upstream)

        frozen.send_signal(signal.SIGCONT)
        alive = traveller.finished(traveller.trigger(traveller.workflow(value("a", 1))))
        time.sleep(1.5)  # long enough for two looks at its leases, and for a write that must not happen

        after = [row for row in place.sql(EVERYTHING) if str(row.id) != alive["id"]]
        assert alive["status"] == "completed"
        assert [row[:-1] for row in after] == [row[:-1] for row in rows]
        assert {row.lines for row in after} == {row.lines for row in rows}
        assert calls_of(upstream) == calls
        assert {row.claim_no for row in rows} == {2}
    finally:
        frozen.send_signal(signal.SIGCONT)
        processes.stop(frozen)


def test_a_worker_told_to_stop_hands_back_and_another_goes_on_at_once(
    traveller: Traveller, place: Place, settings: Settings, upstream: Record
) -> None:
    slow = call("slow", f"{upstream.url}/slow?wait=600", timeoutSeconds=600)
    workflow_id = traveller.workflow(value("first", 1), slow)
    leaving = processes.start_worker(settings)
    ids = traveller.trigger_many(workflow_id, [None] * 30)
    assert eventually(lambda: len(upstream.keys_of("/slow")) == 30)

    with processes.worker(settings):
        leaving.send_signal(signal.SIGTERM)
        code = leaving.wait(60)
        went_on = eventually(lambda: len(upstream.keys_of("/slow")) == 60)
        rows = place.sql("SELECT takeovers, claim_no, status FROM executions")

    assert (code, went_on) == (0, True)
    assert set(calls_of(upstream)) == {f"{i}:slow" for i in ids}
    assert {tuple(row) for row in rows} == {(0, 2, "running")}


def test_a_worker_told_to_stop_lets_short_steps_end(
    traveller: Traveller, place: Place, settings: Settings, upstream: Record
) -> None:
    workflow_id = traveller.workflow(call("short", f"{upstream.url}/short?wait=0.7"))
    leaving = processes.start_worker(settings, SHUTDOWN_GRACE_SECONDS="30")
    ids = traveller.trigger_many(workflow_id, [None] * 20)
    assert eventually(lambda: len(upstream.keys_of("/short")) == 20)

    code = processes.stop(leaving)

    assert (code, ended(place, ids), len(upstream.keys_of("/short"))) == (0, True, 20)


def test_emptying_redis_again_and_again_loses_nothing(
    traveller: Traveller, place: Place, settings: Settings, upstream: Record
) -> None:
    workflow_id = traveller.workflow(call("one", f"{upstream.url}/one?wait=0.2"))
    ids = []
    with processes.clock(settings), processes.worker(settings, WORKER_CONCURRENCY="20"):
        with redis.Redis.from_url(settings.redis_url) as client:
            for _ in range(5):
                ids += traveller.trigger_many(workflow_id, [None] * 50)
                client.flushdb()
                time.sleep(0.2)

        assert eventually(lambda: ended(place, ids), pause=0.1), Counter(place.statuses().values())

    assert set(calls_of(upstream).values()) == {1}
    assert {row.takeovers for row in place.sql("SELECT takeovers FROM executions")} == {0}


def own_database(folder: Path, settings: Settings, url: str) -> tuple[Flask, Settings]:
    """Migrate a database of the test's own; give an application on it."""
    migrate(url)
    own = from_environment(
        {
            "DATABASE_URL": url,
            "REDIS_URL": settings.redis_url,
            "SECRET_KEY": SECRET_KEY,
            "LOG_LEVEL": "WARNING",
        }
    )
    return create_app(own), own


def test_a_worker_outlives_a_crash_of_postgres(tmp_path: Path, settings: Settings, upstream: Record) -> None:
    postgres = start_postgres(tmp_path)
    try:
        app, own = own_database(tmp_path, settings, postgres.url)
        traveller = Traveller(new_caller(app, app.test_client(), "Acme"))
        workflow_id = traveller.workflow(*three_calls(upstream, 0.3))
        with processes.clock(own), processes.worker(own) as worker:
            ids = traveller.trigger_many(workflow_id, [None] * 50)
            assert eventually(lambda: len(upstream.keys_of("/b")) > 5)
            postgres.process.send_signal(
                signal.SIGQUIT
            )  # an immediate shutdown, to be recovered from the log
            postgres.process.wait(60)
            time.sleep(1)
            postgres = start_postgres(tmp_path)

            ends = [traveller.finished(i) for i in ids]
            assert worker.poll() is None

        assert {end["status"] for end in ends} == {"completed"}
        assert {step["status"] for end in ends for step in end["steps"]} == {"completed"}
        with app.app_context():
            db.engine.dispose()
    finally:
        postgres.stop()

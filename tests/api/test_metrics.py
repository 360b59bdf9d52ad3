"""`/metrics`: the installation's numbers from its rows, this process's requests, and who may see them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from app import create_app
from app.extensions import db
from app.services import vitals
from app.services.tick import count_finished, tick
from app.settings import Settings
from tests.api.caller import Caller, new_caller
from tests.api.execution_rows import add_execution
from tests.api.sql import sql

NEVER = "redis://127.0.0.1:1"
NO_DATABASE = "postgresql+psycopg2://nobody@127.0.0.1:1/none"
Sample = tuple[str, tuple[tuple[str, str], ...]]


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """Give an application of its own: it counts its requests and keeps its numbers for a second."""
    app = create_app(settings)
    yield app
    with app.app_context():
        db.engine.dispose()


def scrape(client: FlaskClient, *without: str) -> dict[Sample, float]:
    """Read the metrics anew, by name and labels."""
    client.application.extensions.pop(vitals.KEPT, None)
    reply = client.get("/metrics")
    assert reply.status_code == 200
    assert reply.mimetype == "text/plain"
    return {
        (sample.name, tuple(sorted(pair for pair in sample.labels.items() if pair[0] not in without))): (
            sample.value
        )
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }


def plain(found: dict[Sample, float], name: str) -> float | None:
    return found.get((f"linea_{name}", ()))


def ended(found: dict[Sample, float]) -> dict[str, float]:
    name = "linea_executions_finished_total"
    return {labels[0][1]: value for (sample, labels), value in found.items() if sample == name}


def test_the_queue_is_counted_from_rows(app: Flask, api: Caller, workflow: dict[str, str]) -> None:
    for _ in range(2):
        add_execution(app, workflow, "pending")
    add_execution(app, workflow, "pending", reason="concurrency")
    add_execution(app, workflow, "running")
    sql(app, "UPDATE executions SET created_at = now() - interval '100 s' WHERE reason = 'concurrency'")
    sql(app, "UPDATE installation SET paused = true, last_tick_at = now() - interval '7 s'")

    found = scrape(api.client)

    names = ("pending", "queued", "held", "delayed", "buffered", "running", "waiting")
    assert [plain(found, f"executions_{name}") for name in names] == [3, 2, 1, 0, 0, 1, 0]
    assert 100 <= (plain(found, "oldest_pending_seconds") or 0) < 200
    assert 7 <= (plain(found, "last_tick_seconds") or 0) < 100
    assert [plain(found, name) for name in ("paused", "workers", "redis_up", "database_up")] == [1, 0, 1, 1]


def test_what_ended_is_counted_at_once_and_survives_its_rows(
    app: Flask, api: Caller, workflow: dict[str, str]
) -> None:
    for status in ("completed", "completed", "failed"):
        add_execution(app, workflow, status)
    seen = [ended(scrape(api.client))]

    with app.app_context():
        count_finished()
        seen.append(ended(scrape(api.client)))
        sql(app, "DELETE FROM executions")
        sql(app, "UPDATE finished_counts SET until = until - interval '1 hour'")
        count_finished()
    seen.append(ended(scrape(api.client)))

    assert seen == [{"cancelled": 0, "completed": 2, "failed": 1}] * 3


def test_what_ended_just_now_is_not_counted_twice(app: Flask, api: Caller, workflow: dict[str, str]) -> None:
    add_execution(app, workflow, "completed")
    sql(
        app,
        "INSERT INTO finished_counts (status, total, until) VALUES ('completed', 5, now() - interval '1 h')",
    )
    late = add_execution(app, workflow, "cancelled")
    sql(
        app,
        "SET session_replication_role = replica; UPDATE executions SET completed_at = now() WHERE id = :id",
        id=late,
    )

    seen = [ended(scrape(api.client))]
    with app.app_context():
        for _ in range(2):
            count_finished()
            seen.append(ended(scrape(api.client)))

    assert seen == [{"cancelled": 1, "completed": 5, "failed": 0}] * 3


def test_what_a_tick_repaired_is_counted_by_its_pass(
    app: Flask, api: Caller, workflow: dict[str, str]
) -> None:
    for _ in range(2):
        add_execution(app, workflow, "running", takeovers=0)
        with app.app_context():
            tick()

    found = scrape(api.client)

    assert found["linea_tick_repairs_total", (("pass", "take_over_lost"),)] == 2


def test_a_pass_that_keeps_failing_is_told_with_its_seconds(app: Flask, api: Caller) -> None:
    sql(
        app,
        "INSERT INTO tick_repairs (pass_name, repaired, failing_since, failed_at, failure)"
        " VALUES ('send_lost', 0, now() - interval '40 s', now(), 'No')",
    )

    found = scrape(api.client)

    assert found["linea_tick_pass_failing_seconds", (("pass", "send_lost"),)] == 40


def test_requests_are_counted_by_route_and_status_and_timed(api: Caller) -> None:
    for path in (api.space, f"{api.space}0", "/no/such/place", "/no/other/place"):
        api.get(path)

    found = scrape(api.client, "process")

    route = "/workspaces/<uuid:workspace_id>/spaces/<uuid:space_id>"
    one = ("method", "GET"), ("route", route)
    assert found["linea_http_requests_total", (*one, ("status", "200"))] == 1
    unknown = (("method", "any"), ("route", "none"), ("status", "404"))
    assert found["linea_http_requests_total", unknown] == 3
    assert found["linea_http_request_seconds_count", one] == 1
    assert 0 < found["linea_http_request_seconds_sum", one] < 60


def test_the_numbers_are_read_once_a_second_at_most(api: Caller, workflow: dict[str, str]) -> None:
    scrape(api.client)
    kept = api.client.application.extensions[vitals.KEPT]
    kept._read_at += 3600
    add_execution(api.client.application, workflow, "pending")

    again = api.client.get("/metrics").text

    assert "linea_executions_pending 0.0" in again


def test_without_redis_the_rest_is_told(settings: Settings, database_url: str) -> None:
    app = create_app(replace(settings, redis_url=NEVER))
    caller = new_caller(app, app.test_client(), "Acme")

    found = scrape(caller.client)

    assert (plain(found, "redis_up"), plain(found, "workers"), plain(found, "database_up")) == (0, None, 1)
    with app.app_context():
        db.engine.dispose()


def test_without_a_database_the_requests_are_told(settings: Settings) -> None:
    app = create_app(replace(settings, database_url=NO_DATABASE))
    app.test_client().get("/healthz")

    found = scrape(app.test_client(), "process")

    assert (plain(found, "database_up"), plain(found, "executions_pending")) == (0, None)
    healthy = (("method", "GET"), ("route", "/healthz"), ("status", "200"))
    assert found["linea_http_requests_total", healthy] == 1


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (None, 401),
        ("Bearer wrong", 401),
        ("Basic pass word", 401),
        ("Bearer pässword", 401),
        ("Bearer s3cret", 200),
    ],
)
def test_with_a_token_set_nobody_else_sees_them(
    settings: Settings, database_url: str, given: str | None, status: int
) -> None:
    app = create_app(replace(settings, metrics_token="s3cret"))

    reply = app.test_client().get("/metrics", headers={"Authorization": given} if given else {})

    assert reply.status_code == status
    assert status == 200 or reply.get_json()["code"] == "unauthorized"
    with app.app_context():
        db.engine.dispose()

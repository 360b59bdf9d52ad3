"""`doctor`: what is stuck, why, and what to do; with --fix the clock's repairs at once."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis
from click.testing import Result

from app import create_app
from app.extensions import db
from app.settings import Settings
from app.store.bulk_operations import written
from app.store.execution_filters import Filters
from tests.cli.shell import Place, Run

NEVER = "redis://127.0.0.1:1"
NO_DATABASE = "postgresql+psycopg2://nobody@127.0.0.1:1/none"
RUNNING = "UPDATE executions SET status = 'running', reason = NULL, started_at = now() - interval '1 h'"


@pytest.fixture
def valkey(redis_url: str) -> Iterator["redis.Redis"]:
    """Give a client of the Redis database."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def healthy(place: Place, valkey: "redis.Redis") -> Place:
    """Give an installation with a clock and a worker that gives signs of life."""
    place.sql("UPDATE installation SET last_tick_at = now() + interval '5 minutes'")
    valkey.sadd("rq:workers:executions", "rq:worker:alive")
    valkey.hset("rq:worker:alive", "state", "idle")
    return place


def examined(result: Result, *, found: bool) -> dict[str, Any]:
    assert result.exit_code == int(found), result.output
    shown: dict[str, Any] = json.loads(result.stdout)
    assert shown["ok"] is not found
    return shown


def codes(findings: list[dict[str, Any]]) -> list[str]:
    assert all(finding[name] for finding in findings for name in ("what", "why", "todo"))
    return [finding["code"] for finding in findings]


def other(settings: Settings, **changes: Any) -> Result:
    """Examine with other settings."""
    app = create_app(replace(settings, **changes))
    try:
        return app.test_cli_runner().invoke(args=["doctor", "--json"])
    finally:
        with app.app_context():
            db.engine.dispose()


def test_a_healthy_installation_has_nothing_stuck(run: Run, healthy: Place) -> None:
    healthy.trigger(2)
    healthy.app.extensions["sender"].close()

    for_people = run("doctor")

    assert (for_people.exit_code, for_people.stdout) == (0, "nothing is stuck\n")
    assert examined(run("doctor", "--json"), found=False) == {"ok": True, "findings": []}


def test_a_pass_of_the_clock_that_keeps_failing_is_named_with_what_it_says(run: Run, healthy: Place) -> None:
    healthy.sql(
        "INSERT INTO tick_repairs (pass_name, repaired, failing_since, failed_at, failure)"
        " VALUES ('retention.delete_old', 0, now() - interval '1 min', now(), 'timestamp out of range')"
    )

    [finding] = examined(run("doctor", "--json"), found=True)["findings"]

    assert (finding["code"], finding["what"]) == (
        "failing_pass",
        "The clock's pass retention.delete_old has failed for 60 s",
    )
    assert "timestamp out of range" in finding["why"]


@pytest.mark.usefixtures("healthy")
def test_that_no_worker_is_there_is_found_before_anything_waits_for_one(
    run: Run, valkey: "redis.Redis"
) -> None:
    valkey.expire("rq:worker:alive", 120 - 16)

    [finding] = examined(run("doctor", "--json"), found=True)["findings"]

    assert (finding["code"], finding["why"]) == ("no_worker", "what is started now does not begin")


def test_what_a_frozen_worker_left_is_named(run: Run, healthy: Place, valkey: "redis.Redis") -> None:
    healthy.trigger(3)
    healthy.app.extensions["sender"].close()
    one = "WHERE id = (SELECT min(id::text)::uuid FROM executions)"
    healthy.sql(f"{RUNNING}, worker = NULL, lease_expires_at = NULL, sent_at = now() {one}")
    valkey.expire("rq:worker:alive", 120 - 16)

    [finding] = examined(run("doctor", "--json"), found=True)["findings"]

    assert finding["code"] == "no_worker"
    assert finding["why"].startswith("2 pending executions do not start, and 1 running ones have no owner")


@pytest.mark.usefixtures("redis_url")
def test_without_clock_and_worker_both_are_named(run: Run, place: Place) -> None:
    place.trigger(2)
    place.sql("UPDATE executions SET created_at = now() - interval '70 s'")

    shown = examined(run("doctor", "--json"), found=True)
    for_people = run("doctor").stdout

    assert codes(shown["findings"]) == ["no_tick", "slow_queue", "no_worker"]
    assert "python worker.py" in for_people
    assert "2 pending executions" in for_people


def test_a_pause_and_a_suspension_are_named(run: Run, healthy: Place, valkey: "redis.Redis") -> None:
    run("queue", "pause")
    paused = examined(run("doctor", "--json"), found=True)
    run("queue", "resume")
    valkey.set("rq:suspended", 1)

    suspended = examined(run("doctor", "--json"), found=True)

    assert (codes(paused["findings"]), codes(suspended["findings"])) == (["paused"], ["suspended"])


@pytest.mark.usefixtures("healthy")
@pytest.mark.parametrize(
    ("changes", "code"),
    [({"redis_url": NEVER}, "redis_away"), ({"database_url": NO_DATABASE}, "database_away")],
)
def test_a_server_that_is_away_is_named(settings: Settings, changes: dict[str, str], code: str) -> None:
    shown = examined(other(settings, **changes), found=True)

    assert codes(shown["findings"]) == [code]


def test_tables_of_another_version_are_named_and_nothing_else_is_tried(run: Run, healthy: Place) -> None:
    healthy.sql("UPDATE alembic_version SET version_num = '0000'")
    try:
        shown = examined(run("doctor", "--fix", "--json"), found=True)
    finally:
        healthy.sql("UPDATE alembic_version SET version_num = '0002'")

    assert codes(shown["findings"]) == codes(shown["left"]) == ["migrations_behind"]
    assert shown["repaired"] == {}


def test_what_the_clock_left_is_found_explained_and_repaired(
    run: Run, healthy: Place, valkey: "redis.Redis"
) -> None:
    ids = healthy.trigger(5)
    healthy.app.extensions["sender"].close()
    valkey.delete("rq:queue:executions")
    lost, crashed, waited, delayed, over = map(str, ids)
    healthy.sql("UPDATE executions SET sent_at = now() - interval '20 s' WHERE id = %s", lost)
    ago = "now() - interval '20 s'"
    healthy.sql(f"{RUNNING}, worker = 'w', lease_expires_at = {ago} WHERE id = %s", crashed)
    healthy.sql(
        f"{RUNNING}, wake_at = {ago}, waiting_since = {ago}, sent_at = now() - interval '1 h' WHERE id = %s",
        waited,
    )
    healthy.sql(f"UPDATE executions SET sent_at = NULL, run_at = {ago} WHERE id = %s", delayed)
    healthy.sql(f"{RUNNING}, deadline_at = {ago} WHERE id = %s", over)

    found = examined(run("doctor", "--json"), found=True)
    fixed = examined(run("doctor", "--fix", "--json"), found=True)

    stuck = ["expired_leases", "late_waits", "late_delayed", "overdue", "lost_tickets"]
    assert codes(found["findings"]) == codes(fixed["findings"]) == stuck
    assert [finding["count"] for finding in found["findings"]] == [1] * 5
    assert fixed["left"] == []
    passes = ("take_over_lost", "send_due_waits", "send_delayed", "endings.end_overdue", "send_lost")
    assert {name: fixed["repaired"].get(name) for name in passes} == dict.fromkeys(passes, 1)
    assert run("doctor").stdout == "nothing is stuck\n"


def test_what_no_worker_takes_and_what_begins_alone_is_explained(run: Run, healthy: Place) -> None:
    woken, waits, suspect, owned = map(str, healthy.trigger(4))
    healthy.app.extensions["sender"].close()
    ago = "now() - interval '70 s'"
    wait = "waiting_since = now() - interval '1 h'"
    healthy.sql(f"{RUNNING}, {wait}, wake_at = {ago}, sent_at = {ago} WHERE id = %s", woken)
    healthy.sql(f"{RUNNING}, {wait}, wake_at = now() + interval '1 h' WHERE id = %s", waits)
    healthy.sql(f"{RUNNING}, takeovers = 2 WHERE id = %s", suspect)
    lease = "worker = 'w', lease_expires_at = now() + interval '1 h'"
    healthy.sql(f"{RUNNING}, {lease}, takeovers = 2 WHERE id = %s", owned)

    shown = examined(run("doctor", "--json"), found=True)

    assert codes(shown["findings"]) == ["slow_to_go_on", "begin_alone", "lost_tickets"]
    assert [finding["count"] for finding in shown["findings"]] == [1, 1, 1]


def test_one_that_woke_and_waits_for_its_workflow_is_explained(run: Run, healthy: Place) -> None:
    woken, owned = map(str, healthy.trigger(2))
    healthy.app.extensions["sender"].close()
    ago = "now() - interval '70 s'"
    healthy.sql(f"{RUNNING}, waiting_since = {ago}, wake_at = {ago}, sent_at = NULL WHERE id = %s", woken)
    healthy.sql(f"{RUNNING}, worker = 'w', lease_expires_at = now() + interval '1 h' WHERE id = %s", owned)
    healthy.sql("UPDATE workflows SET max_concurrency = 1")

    [finding] = examined(run("doctor", "--json"), found=True)["findings"]

    assert (finding["code"], finding["count"]) == ("held", 1)
    assert "maxConcurrency is 1" in finding["why"]


def test_executions_that_a_quota_holds_for_long_are_explained(run: Run, healthy: Place) -> None:
    healthy.trigger(3)
    healthy.sql("UPDATE executions SET created_at = now() - interval '70 s', reason = 'concurrency'")
    pick = "WHERE id = (SELECT min(id::text)::uuid FROM executions)"

    free = examined(run("doctor", "--json"), found=True)
    healthy.sql(f"{RUNNING}, worker = 'w', lease_expires_at = now() + interval '1 h' {pick}")
    healthy.sql("UPDATE workspaces SET max_concurrent_executions = 1")
    by_workspace = examined(run("doctor", "--json"), found=True)
    healthy.sql("UPDATE workspaces SET max_concurrent_executions = 100")
    healthy.sql("UPDATE workflows SET max_concurrency = 1")
    by_workflow = examined(run("doctor", "--json"), found=True)
    healthy.sql("UPDATE workflows SET max_concurrency = NULL")
    fixed = examined(run("doctor", "--fix", "--json"), found=True)

    assert codes(free["findings"]) == codes(fixed["findings"]) == ["held_too_long"]
    assert codes(by_workspace["findings"]) == codes(by_workflow["findings"]) == ["held"]
    assert (by_workspace["findings"][0]["count"], by_workflow["findings"][0]["count"]) == (2, 2)
    assert "maxConcurrentExecutions is 1" in by_workspace["findings"][0]["why"]
    assert "maxConcurrency is 1" in by_workflow["findings"][0]["why"]
    assert (fixed["repaired"]["release_held"], codes(fixed["left"])) == (2, ["slow_queue"])


def test_schedules_and_bulk_operations_that_do_not_go_on_are_found(run: Run, healthy: Place) -> None:
    values = {"workspace": str(healthy.scope.workspace_id), "space": str(healthy.scope.space_id)}
    healthy.sql(
        "INSERT INTO schedules (id, space_id, workflow_id, name, cron, next_fire_at)"
        " VALUES (gen_random_uuid(), %s, %s, 'Nightly', '0 0 * * *', now() - interval '1 min')",
        values["space"],
        str(healthy.workflow_id),
    )
    healthy.sql(
        "INSERT INTO bulk_operations (id, workspace_id, kind, ids, filters, matched, updated_at)"
        " VALUES (gen_random_uuid(), %s, 'cancel', '{}', %s, 0, now() - interval '5 min')",
        values["workspace"],
        json.dumps(written(Filters())),
    )

    shown = examined(run("doctor", "--fix", "--json"), found=True)

    assert codes(shown["findings"]) == ["late_schedules", "bulk_waits"]
    assert shown["left"] == []

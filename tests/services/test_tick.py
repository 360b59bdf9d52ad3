"""The tick: each pass repairs one thing, two at once do it once, and none needs the others."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
import redis
from flask import Flask
from psycopg2 import OperationalError

from app.errors import DatabaseUnavailable
from app.queue import QUEUE_KEY, SUSPENDED_KEY, Ticket, push
from app.services import transaction
from app.settings import Settings
from app.store import idempotency, installation
from app.store.idempotency import KeyUse
from tests.services.clockwork import make_tick
from tests.store.place import Place, lock

LONG_AGO = "now() - interval '9 s'"
OWNERLESS = "worker = NULL, lease_expires_at = NULL"


@pytest.fixture
def client(settings: Settings) -> Iterator["redis.Redis"]:
    """Give a client of the Redis under test."""
    with redis.Redis.from_url(settings.redis_url) as opened:
        yield opened


def queued(client: "redis.Redis") -> list[str]:
    """List the jobs in the queue, the next first."""
    return [job.decode() for job in client.lrange(QUEUE_KEY, 0, -1)]


def send(client: "redis.Redis", place: Place, *ids: UUID) -> None:
    """Send executions as they were sent the last time."""
    rows = map(place.row, ids)
    push(client, [Ticket(row.id, row.workspace_id, row.send_no, row.sent_at) for row in rows])


def test_a_tick_is_noted(app: Flask, place: Place) -> None:
    make_tick(app)

    with place.transaction() as tx:
        assert installation.read(tx).seconds_since_tick < 60


def test_a_tick_makes_rq_follow_the_pause_but_leaves_others_suspensions(
    app: Flask, place: Place, client: "redis.Redis"
) -> None:
    seen = []
    for paused in (True, False):
        with place.transaction() as tx:
            installation.set_paused(tx, paused)
        make_tick(app)
        seen.append(client.exists(SUSPENDED_KEY))
    client.set(SUSPENDED_KEY, 1)
    make_tick(app)

    assert (seen, client.exists(SUSPENDED_KEY)) == ([1, 0], 1)


def test_a_lost_worker_s_executions_go_to_the_front(app: Flask, place: Place, client: "redis.Redis") -> None:
    [lost, crashed] = place.running(2)
    place.change(f"lease_expires_at = {LONG_AGO}", [lost, crashed])
    place.change("takeovers = 2", [crashed])
    [waiting] = place.add()
    send(client, place, waiting)

    make_tick(app)

    assert queued(client) == [f"{lost}-2", f"{waiting}-1"]
    assert [place.row(i).status for i in (lost, crashed)] == ["running", "failed"]


def test_after_the_database_was_away_workers_have_a_moment_to_renew(
    app: Flask, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    [held] = place.running()
    place.change(f"lease_expires_at = {LONG_AGO}", [held])

    with app.app_context(), pytest.raises(DatabaseUnavailable), transaction.reading():
        raise OperationalError("the server closed the connection")
    make_tick(app)
    before = place.row(held).takeovers
    monkeypatch.setattr("app.services.tick.AFTER_ABSENCE_SECONDS", 0)
    make_tick(app)

    assert (before, place.row(held).takeovers) == (0, 1)


def test_after_a_silence_of_all_clocks_workers_have_a_moment_to_renew_but_not_again_and_again(
    app: Flask, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, other = place.running(2)
    place.change(f"lease_expires_at = {LONG_AGO}", [held])
    silent = "UPDATE installation SET last_tick_at = now() - interval '20 s'"

    place.sql(silent)
    make_tick(app)
    before = place.row(held).takeovers
    monkeypatch.setattr("app.services.tick.AFTER_ABSENCE_SECONDS", 0)
    make_tick(app)
    after = place.row(held).takeovers
    monkeypatch.setattr("app.services.tick.AFTER_ABSENCE_SECONDS", 5)
    monkeypatch.setattr(transaction, "SUSPECT_SECONDS", float("inf"))
    app.extensions["absence"] = transaction.Absence()
    place.sql(silent)
    place.change(f"lease_expires_at = {LONG_AGO}", [other])
    make_tick(app)

    assert (before, after, place.row(other).takeovers) == (0, 1, 1)


def test_a_front_job_does_not_make_the_backlog_look_lost(
    app: Flask, place: Place, client: "redis.Redis"
) -> None:
    backlog, [lost] = place.add(20), place.running()
    place.change(f"sent_at = {LONG_AGO}", backlog)
    send(client, place, *backlog)
    place.change(f"lease_expires_at = {LONG_AGO}", [lost])

    make_tick(app)
    make_tick(app)

    assert queued(client) == [f"{lost}-2", *(f"{i}-1" for i in backlog)]


def test_due_waits_and_delays_are_sent(app: Flask, place: Place, client: "redis.Redis") -> None:
    [soon] = place.sql("SELECT now() + interval '1 h' AS at")
    [delayed, later] = place.add(2, run_at=soon.at)
    place.change(f"run_at = {LONG_AGO}", [delayed])
    [waited, waits] = place.running(2)
    place.change(f"{OWNERLESS}, wake_at = {LONG_AGO}, sent_at = now() - interval '1 h'", [waited])
    place.change(f"{OWNERLESS}, wake_at = now() + interval '1 h'", [waits])

    make_tick(app)
    make_tick(app)

    assert queued(client) == [f"{waited}-2", f"{delayed}-1"]
    assert place.row(later).sent_at is None


def test_a_due_wait_is_sent_once_however_long_nobody_takes_it(
    app: Flask, place: Place, client: "redis.Redis"
) -> None:
    waits = place.running(3)
    place.change(f"{OWNERLESS}, wake_at = now() - interval '1 h', sent_at = now() - interval '2 h'", waits)
    make_tick(app)
    place.change("sent_at = now() - interval '59 min'", waits)

    make_tick(app)
    assert sorted(queued(client)) == sorted(f"{i}-2" for i in waits)

    client.flushdb()
    make_tick(app)
    assert sorted(queued(client)) == sorted(f"{i}-3" for i in waits)


def test_lost_jobs_are_sent_again_when_the_list_is_empty(
    app: Flask, place: Place, client: "redis.Redis"
) -> None:
    [pending, young, back] = [*place.add(2), *place.running()]
    place.change(f"sent_at = {LONG_AGO}", [pending, back])
    place.change(OWNERLESS, [back])

    make_tick(app)
    make_tick(app)

    assert sorted(queued(client)) == sorted([f"{pending}-2", f"{back}-2"])
    assert place.row(young).send_no == 1


def test_a_backlog_is_not_taken_for_lost(app: Flask, place: Place, client: "redis.Redis") -> None:
    backlog = place.add(20)
    place.change(f"sent_at = {LONG_AGO}", backlog)
    send(client, place, *backlog)

    make_tick(app)

    assert queued(client) == [f"{i}-1" for i in backlog]


def test_what_is_older_than_the_head_of_the_list_is_lost(
    app: Flask, place: Place, client: "redis.Redis"
) -> None:
    [lost, head] = place.add(2)
    place.change("sent_at = now() - interval '1 min'", [lost])
    place.change(f"sent_at = {LONG_AGO}", [head])
    send(client, place, head)

    make_tick(app)

    assert queued(client) == [f"{head}-1", f"{lost}-2"]


@pytest.mark.parametrize(
    "enqueued_at", [None, "", "yesterday", "2026-01-01T00:00:00", "2026-01-01T00:00:00Z"]
)
def test_a_strange_head_of_the_list_does_not_stop_the_tick(
    app: Flask, place: Place, client: "redis.Redis", enqueued_at: str | None
) -> None:
    client.rpush(QUEUE_KEY, "strange")
    if enqueued_at is not None:
        client.hset("rq:job:strange", "enqueued_at", enqueued_at)
    with place.transaction() as tx:
        idempotency.claim(tx, KeyUse(place.scope.workspace_id, "trigger", "old", b"", ()))
    place.sql("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")

    make_tick(app)

    assert place.sql("SELECT 1 FROM idempotency_keys") == []


def test_nothing_is_sent_again_while_paused(app: Flask, place: Place, client: "redis.Redis") -> None:
    [pending] = place.add()
    place.change(f"sent_at = {LONG_AGO}", [pending])
    with place.transaction() as tx:
        installation.set_paused(tx, True)

    make_tick(app)

    assert (queued(client), place.row(pending).send_no) == ([], 1)


def make_ticks_at_once(app: Flask) -> None:
    """Make four ticks at the same time."""
    ready = threading.Barrier(4)

    def once(_: int) -> None:
        ready.wait()
        make_tick(app)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(once, range(4)))


def test_ticks_at_once_send_lost_jobs_once(app: Flask, place: Place, client: "redis.Redis") -> None:
    pending = place.add(100)
    place.change(f"sent_at = {LONG_AGO}", pending)

    make_ticks_at_once(app)

    assert sorted(queued(client)) == sorted(f"{i}-2" for i in pending)


def test_ticks_at_once_take_over_once(app: Flask, place: Place, client: "redis.Redis") -> None:
    lost = place.running(100)
    place.change(f"lease_expires_at = {LONG_AGO}", lost)

    make_ticks_at_once(app)

    assert sorted(queued(client)) == sorted(f"{i}-2" for i in lost)
    assert {place.row(i).takeovers for i in lost} == {1}


def test_a_pass_that_another_clock_is_at_is_left_to_it(
    app: Flask, place: Place, client: "redis.Redis"
) -> None:
    [lost] = place.running()
    place.change(f"lease_expires_at = {LONG_AGO}", [lost])

    with place.transaction() as tx:
        assert installation.try_lock(tx, "leases")
        make_tick(app)
        assert place.row(lost).worker == "w1"

    make_tick(app)
    assert queued(client) == [f"{lost}-2"]


def test_without_redis_a_tick_still_repairs_what_postgres_knows(without_redis: Flask, place: Place) -> None:
    [lost, cancelled] = place.running(2)
    place.change(f"lease_expires_at = {LONG_AGO}", [lost, cancelled])
    place.change("cancel_requested_at = now(), cancel_code = 'requested'", [cancelled])

    make_tick(without_redis)

    assert (place.row(lost).worker, place.row(cancelled).status) == (None, "cancelled")
    with place.transaction() as tx:
        assert installation.read(tx).seconds_since_tick < 60


def test_what_a_tick_could_not_send_a_later_one_sends(
    app: Flask, without_redis: Flask, place: Place, client: "redis.Redis"
) -> None:
    [lost] = place.running()
    place.change(f"lease_expires_at = {LONG_AGO}", [lost])
    make_tick(without_redis)
    place.change(f"sent_at = {LONG_AGO}", [lost])

    make_tick(app)

    assert queued(client) == [f"{lost}-3"]


def test_a_row_that_somebody_holds_does_not_hold_the_tick(
    app: Flask, place: Place, client: "redis.Redis"
) -> None:
    [held, free] = place.add(2)
    place.change(f"sent_at = {LONG_AGO}", [held, free])

    with place.transaction() as holder:
        lock(holder, held)
        make_tick(app)
        assert queued(client) == [f"{free}-2"]

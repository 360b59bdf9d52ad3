"""Whoever frees a place and whoever is held for want of one may miss each other: no clock ticks here."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from uuid import UUID

from flask import Flask

from app.engine.change import Batch
from app.engine.flush import Report
from app.services import executions
from app.services.orders import TriggerRequest
from app.states import TriggeredBy
from tests.engine.changes import WORKER, ending, flusher, in_thread, taken
from tests.journeys.processes import eventually
from tests.store.place import Place

GATE = 7_241
LATE_COMMITS = f"""
CREATE FUNCTION late_commit() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER gate AFTER {{moment}} ON executions DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION late_commit()
"""
ON_TIME = "DROP TRIGGER gate ON executions; DROP FUNCTION late_commit"


@contextmanager
def late_commits(place: Place, moment: str, *works: Callable[[], object]) -> Iterator[None]:
    """Do some work in threads; its commits, of what inserts or updates executions, come after the block."""
    place.sql(LATE_COMMITS.format(moment=moment))
    try:
        with ExitStack() as threads, place.transaction() as holder:
            holder.exec_driver_sql(f"SELECT pg_advisory_xact_lock({GATE})")
            for work in works:
                threads.enter_context(in_thread(work))
            assert eventually(lambda: waiting_for_locks(place) == len(works))
            yield
    finally:
        place.sql(ON_TIME)


def waiting_for_locks(place: Place) -> int:
    """Count the backends that wait for a lock."""
    query = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return len(place.sql(query))


def limit(place: Place, places: int) -> None:
    """Set the places of the workspace."""
    place.sql(f"UPDATE workspaces SET max_concurrent_executions = {places}")


def trigger(app: Flask, place: Place) -> None:
    """Trigger one execution, as the API does."""
    with app.app_context():
        executions.trigger(place.scope, TriggerRequest(place.workflow_id, None, TriggeredBy.API))


def end(place: Place, *ids: UUID) -> None:
    """End executions in one flush of their worker, and fill the places."""
    flush(place, Batch([], [ending(place, i) for i in ids]))


def flush(place: Place, batch: Batch, worker: str = WORKER) -> Report:
    """Write a batch, then fill the places that it left free, as a worker does."""
    own = flusher(place.engine, worker)
    report = own.write(batch)
    own.fill_places(sorted(report.freed))
    return report


def pending(place: Place) -> list[str]:
    """Give the reasons of what is pending, in order."""
    query = "SELECT reason FROM executions WHERE status = 'pending' ORDER BY id"
    return [row.reason for row in place.sql(query)]


def test_one_that_is_held_while_a_place_becomes_free_is_queued(app: Flask, place: Place) -> None:
    limit(place, 1)
    [running] = place.running()

    with late_commits(place, "INSERT", lambda: trigger(app, place)):
        end(place, running)

    assert pending(place) == ["queued"]


def test_one_that_is_held_while_an_end_commits_is_queued(app: Flask, place: Place) -> None:
    limit(place, 1)
    [running] = place.running()

    with late_commits(place, "UPDATE OF status", lambda: end(place, running)):
        trigger(app, place)
        before = pending(place)

    assert (before, pending(place)) == (["concurrency"], ["queued"])


def test_two_ends_at_the_same_time_queue_two(place: Place) -> None:
    limit(place, 2)
    first, second = place.running(2)
    place.add(3)

    with late_commits(place, "UPDATE OF status", lambda: end(place, first), lambda: end(place, second)):
        before = pending(place)

    assert before == ["concurrency"] * 3
    assert sorted(pending(place)) == ["concurrency", "queued", "queued"]


def test_one_that_a_claim_puts_off_while_a_place_becomes_free_is_queued(place: Place) -> None:
    limit(place, 2)
    [running] = place.running()
    [queued] = place.add()
    limit(place, 1)

    with late_commits(place, "UPDATE OF status", lambda: end(place, running)):
        claimed = flush(place, Batch([taken(place, queued)], []), "w2").claimed
        before = pending(place)

    assert (claimed, before, pending(place)) == ({}, ["concurrency"], ["queued"])

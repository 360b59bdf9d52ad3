"""`queue drain`: works the queue empty in its own process, beside others."""

import os
import pty
import signal
import time
from datetime import timedelta

import pytest
import redis

from app import clock
from tests.cli.shell import Place, Run, shell, start

pytestmark = pytest.mark.long
RESUME = "resume it with flask --app wsgi queue resume"
OWNED = """
UPDATE executions SET status = 'running', reason = NULL, started_at = now(), worker = 'another', claim_no = 1,
  lease_expires_at = now() + %s * interval '1 s' WHERE id = %s
"""
ASLEEP = """
UPDATE executions SET run_at = NULL, status = 'running', reason = NULL, started_at = now(),
  wake_at = now() + interval '1 h' WHERE id = %s
"""


def test_a_drain_does_all_there_is_to_do(place: Place, environment: dict[str, str]) -> None:
    place.trigger(250)

    drained = shell(environment, "queue", "drain", "--timeout", "100")

    assert (drained.returncode, drained.stderr) == (0, "")
    assert drained.stdout.splitlines()[-1] == "drained: 250 done, nothing left to do now"
    assert place.statuses() == {"completed": 250}


def test_a_drain_does_what_got_lost_from_the_list_too(
    place: Place, environment: dict[str, str], redis_url: str
) -> None:
    place.trigger(3)
    place.app.extensions["sender"].close()
    with redis.Redis.from_url(redis_url) as valkey:
        valkey.flushdb()
    place.sql("UPDATE executions SET sent_at = now() - interval '10 s'")

    drained = shell(environment, "queue", "drain", "--timeout", "100")

    assert drained.returncode == 0, drained.stderr
    assert place.statuses() == {"completed": 3}


def test_a_drain_takes_over_what_a_lost_worker_held(place: Place, environment: dict[str, str]) -> None:
    [execution_id] = place.trigger()
    place.sql(OWNED, 0, str(execution_id))

    drained = shell(environment, "queue", "drain", "--timeout", "100")

    assert drained.returncode == 0, drained.stderr
    assert place.sql("SELECT status, takeovers FROM executions") == [("completed", 1)]


def test_what_is_delayed_or_waits_is_named_and_left(place: Place, environment: dict[str, str]) -> None:
    delayed, waiting = place.trigger(2, run_at=clock.now() + timedelta(hours=1))
    place.sql(ASLEEP, str(waiting))
    place.trigger()

    drained = shell(environment, "queue", "drain", "--timeout", "100")

    assert drained.returncode == 0, drained.stderr
    assert "left for later: 1 delayed, 1 waiting, 0 held back" in drained.stdout
    assert f"{delayed} (Double) is delayed until " in drained.stdout
    assert f"{waiting} (Double) waits until " in drained.stdout
    assert place.statuses() == {"completed": 1, "pending": 1, "running": 1}


def test_a_drain_goes_on_with_what_has_waited_long_enough(place: Place, environment: dict[str, str]) -> None:
    [woken] = place.trigger(1, run_at=clock.now() + timedelta(hours=1))
    place.sql(ASLEEP, str(woken))
    place.sql("UPDATE executions SET wake_at = now() - interval '10 s', sent_at = now() - interval '1 min'")

    drained = shell(environment, "queue", "drain", "--timeout", "100")

    assert drained.returncode == 0, drained.stderr
    assert drained.stdout.splitlines()[-1] == "drained: 1 done, nothing left to do now"
    assert place.statuses() == {"completed": 1}


def test_a_drain_waits_for_what_another_worker_holds_and_gives_up_in_time(
    place: Place, environment: dict[str, str]
) -> None:
    [held] = place.trigger()
    place.sql(OWNED, 3600, str(held))

    drained = shell(environment, "queue", "drain", "--timeout", "1")

    assert drained.returncode == 1
    assert drained.stderr == (
        "Error: Time is up before the queue is empty: give it more with --timeout, or none; 1 left.\n"
    )
    assert place.statuses() == {"running": 1}


def test_a_paused_queue_is_not_drained(run: Run, place: Place) -> None:
    place.trigger()
    run("queue", "pause")

    drained = run("queue", "drain")

    assert drained.exit_code == 1
    assert (
        drained.stderr
        == "Error: The queue is paused: resume it with flask --app wsgi queue resume; 1 left.\n"
    )
    assert place.statuses() == {"pending": 1}


def test_a_queue_that_rq_suspended_is_not_drained(run: Run, place: Place, redis_url: str) -> None:
    place.trigger()
    with redis.Redis.from_url(redis_url) as valkey:
        valkey.set("rq:suspended", 1)

    drained = run("queue", "drain")

    assert (drained.exit_code, place.statuses()) == (1, {"pending": 1})
    assert "rq resume" in drained.stderr


@pytest.mark.parametrize("words", [("queue", "pause"), None])
def test_a_pause_or_a_signal_ends_a_drain_under_way(
    run: Run, place: Place, environment: dict[str, str], words: tuple[str, str] | None
) -> None:
    held, other = place.trigger(2)
    place.sql(OWNED, 3600, str(held))

    with start(environment, "queue", "drain") as drain:
        while place.sql("SELECT status FROM executions WHERE id = %s", str(other)) != [("completed",)]:
            assert drain.poll() is None
            time.sleep(0.1)
        if words is None:
            drain.send_signal(signal.SIGTERM)
        else:
            run(*words)
        _, error = drain.communicate(timeout=120)

    assert drain.returncode == 1
    assert ("Stopped before" if words is None else "The queue is paused") in error


@pytest.mark.usefixtures("database_url", "redis_url")
def test_an_empty_queue_is_drained_at_once(run: Run) -> None:
    assert run("queue", "drain").stdout == "drained: 0 done, nothing left to do now\n"


def test_on_a_terminal_a_bar_shows_how_far_it_is(place: Place, environment: dict[str, str]) -> None:
    place.trigger(20)
    master, slave = pty.openpty()
    terminal = environment | {"TERM": "xterm", "COLUMNS": "100"}

    with start(terminal, "queue", "drain", stdout=slave, stderr=slave) as drain:
        os.close(slave)
        shown = b"".join(iter(lambda: _read(master), b"")).decode()
    os.close(master)

    assert drain.returncode == 0, shown
    assert "20/20" in shown
    assert "drained: 20 done" in shown


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other side is closed
        return b""

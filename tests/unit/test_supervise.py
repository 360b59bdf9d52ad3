"""The supervisor forwards lines, starts again with growing delays, and stops in order."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from app import supervise
from app.supervise import Child, Supervisor, how_it_ended
from tests.journeys.processes import eventually

Lines = list[tuple[str, str]]


@pytest.fixture
def said() -> Lines:
    return []


@pytest.fixture
def supervisor(said: Lines) -> Iterator[Supervisor]:
    supervisor = Supervisor(lambda name, line: said.append((name, line)))
    yield supervisor
    supervisor.hurry = True
    supervisor.stop()


def python(code: str) -> Callable[[], "subprocess.Popen[bytes]"]:
    return lambda: subprocess.Popen(
        [sys.executable, "-uc", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


SLEEPS = python("import time; print('up'); time.sleep(60)")
DEAF = python("import signal, time; signal.signal(15, signal.SIG_IGN); print('up'); time.sleep(60)")

STUBBORN = python(
    "import signal, time; signal.signal(15, lambda *_: print('no')); print('up')\nwhile True: time.sleep(9)"
)


def state_of(pid: str) -> str:
    """Give the state of a process as `ps` shows it, nothing when there is none."""
    return subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True).stdout.strip()


def turn_until(supervisor: Supervisor, wanted: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < deadline
        supervisor.turn()


def test_lines_come_under_the_name_of_the_child(supervisor, said):
    supervisor.run(
        Child("talker", python(r"import os, time; os.write(1, b'one\ntwo\nno end'); time.sleep(60)"))
    )

    turn_until(supervisor, lambda: len(said) == 2)
    supervisor.stop()

    assert said == [("talker", "one"), ("talker", "two"), ("talker", "no end")]


def test_the_last_words_of_one_that_dies_come_before_its_death(supervisor, said):
    supervisor.run(Child("short", python("print('bye'); raise SystemExit(3)")))

    turn_until(supervisor, lambda: len(said) >= 2)

    assert said[:2] == [("short", "bye"), ("short", "ended with exit code 3; starting it again in 0.5 s")]


def test_one_that_dies_at_once_is_started_again_ever_later(supervisor, said):
    supervisor.run(Child("short", python("raise SystemExit(1)")))

    turn_until(supervisor, lambda: len(said) == 3)

    assert [re.findall(r"([0-9.]+) s$", line)[0] for _, line in said] == ["0.5", "1", "2"]


def test_one_that_cannot_be_started_again_is_tried_again_later(supervisor, said):
    commands = iter([[sys.executable, "-c", ""], ["/no/such/program"]])
    supervisor.run(Child("odd", lambda: subprocess.Popen(next(commands), start_new_session=True)))

    turn_until(supervisor, lambda: len(said) == 2)

    assert said[1] == ("odd", "[Errno 2] No such file or directory: '/no/such/program'; trying again in 10 s")


def test_the_last_started_is_stopped_first(supervisor, said):
    heeds = "import signal as s, time; s.signal(15, lambda *_: exit('stops')); print('up'); time.sleep(60)"
    for name in ("first", "second"):
        supervisor.run(Child(name, python(heeds), grace=60))
    turn_until(supervisor, lambda: len(said) == 2)

    supervisor.stop()

    assert said[2:] == [("second", "stops"), ("first", "stops")]


def test_one_that_does_not_stop_is_ended_after_its_grace(supervisor, said):
    child = Child("deaf", DEAF, grace=0.3)
    supervisor.run(child)
    turn_until(supervisor, lambda: bool(said))

    supervisor.stop()

    assert said[1:] == [("deaf", "still runs after 0.3 s; ending it now")]
    assert child.process.returncode == -signal.SIGKILL


def test_stopped_together_all_are_asked_before_anybody_is_waited_for(supervisor, said):
    for name in ("first", "second"):
        supervisor.run(Child(name, STUBBORN, grace=4))
    turn_until(supervisor, lambda: len([line for _, line in said if line == "up"]) == 2)

    supervisor.stop(together=True)

    assert sorted(said[2:4]) == [("first", "no"), ("second", "no")]
    assert said[4:] == [(name, "still runs after 4 s; ending it now") for name in ("second", "first")]


def test_a_second_ctrl_c_hurries_but_signals_at_the_same_time_do_not(supervisor, monkeypatch):
    monkeypatch.setattr(supervise, "SAME_REQUEST_SECONDS", 60)
    supervisor.ask_to_stop(signal.SIGTERM)
    supervisor.ask_to_stop(signal.SIGINT)
    patient = supervisor.hurry
    monkeypatch.setattr(supervise, "SAME_REQUEST_SECONDS", 0)

    supervisor.ask_to_stop(signal.SIGINT)

    assert (patient, supervisor.hurry) == (False, True)


def test_when_hurried_only_the_patient_get_their_grace(supervisor, said):
    deaf = Child("deaf", DEAF, grace=60)
    supervisor.run(deaf)
    turn_until(supervisor, lambda: bool(said))
    supervisor.hurry = True

    began = time.monotonic()
    supervisor.stop()

    assert time.monotonic() - began < 30


def test_the_processes_of_one_that_died_die_too(supervisor, said):
    code = "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid); raise SystemExit(1)"
    supervisor.run(Child("parent", python(code)))

    turn_until(supervisor, lambda: len(said) >= 2)

    assert eventually(lambda: state_of(said[0][1]) in ("", "Z"))


def test_a_task_is_seen_to_its_end(supervisor, said):
    good = supervisor.succeeds(Child("task", python("print('done')")))
    bad = supervisor.succeeds(Child("task", python("raise SystemExit(1)")))

    assert (good, bad, said) == (True, False, [("task", "done")])


def test_a_task_ends_when_the_end_is_asked_for(supervisor):
    supervisor.ask_to_stop(signal.SIGTERM)

    assert not supervisor.succeeds(Child("task", SLEEPS))


def test_exit_codes_are_said_in_words():
    assert [how_it_ended(1), how_it_ended(-9)] == ["ended with exit code 1", "was ended by SIGKILL"]

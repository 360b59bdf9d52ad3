"""`executions`: started, listed, shown, cancelled and watched."""

import json
import signal
import time
from pathlib import Path
from uuid import UUID

import pytest
import redis

from tests.cli.shell import Place, Run, parsed, refusal, shell, start

NOBODY = "01a203fc-6170-7947-82ba-8a19c79c87c6"


def test_a_workflow_is_started_by_its_name_and_its_ticket_has_left(
    run: Run, place: Place, redis_url: str
) -> None:
    made = parsed(run("executions", "trigger", "Double", "--input", '{"n": 3}', "--json"))

    assert (made["status"], made["reason"], made["triggeredBy"]) == ("pending", "queued", "manual")
    assert made["input"] == {"n": 3}
    assert made["workflowId"] == str(place.workflow_id)
    with redis.Redis.from_url(redis_url) as client:
        assert client.lrange("rq:queue:executions", 0, -1) == [f"{made['id']}-1".encode()]


def test_an_input_comes_from_a_file_from_standard_input_or_is_empty(
    run: Run, place: Place, tmp_path: Path
) -> None:
    (tmp_path / "input.json").write_text("[1]")
    workflow = str(place.workflow_id)

    from_file = run("executions", "trigger", workflow, "--input", f"@{tmp_path}/input.json", "--json")
    from_stdin = run("executions", "trigger", workflow, "--input", "-", "--json", stdin=b"null")
    left_out = run("executions", "trigger", workflow, "--json")

    assert [parsed(made)["input"] for made in (from_file, from_stdin, left_out)] == [[1], None, {}]


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ('{"n":', "The input is not JSON"),
        ("", "The input is empty."),
        ('{"n": NaN}', "n: NaN"),
        ("NaN", "cannot be kept. NaN and Infinity are not JSON."),
        ('{"n": 1, "n": 2}', "n: "),
        (json.dumps("x" * 1024 * 1024), "at most 1 MiB"),
    ],
)
@pytest.mark.usefixtures("place")
def test_an_input_that_the_api_would_refuse_is_refused(run: Run, given: str, answer: str) -> None:
    assert answer in refusal(run("executions", "trigger", "Double", "--input", "-", stdin=given.encode()))


@pytest.mark.usefixtures("place")
def test_an_input_file_that_is_not_there_is_named(run: Run) -> None:
    refused = run("executions", "trigger", "Double", "--input", "@/nowhere.json")

    assert refused.exit_code == 2
    assert "/nowhere.json cannot be read: No such file or directory." in refused.stderr


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("trigger", "Treble"), "There is no workflow with the id or name 'Treble'"),
        (("trigger", NOBODY), f"There is no workflow with the id or name '{NOBODY}'"),
        (("list", "--workspace", "Nobody"), "There is no workspace with the id or name 'Nobody'"),
        (("list", "--space", "Nowhere"), "There is no space with the id or name 'Nowhere'"),
        (("show", NOBODY), f"There is no execution {NOBODY} here"),
        (("watch", NOBODY), f"There is no execution {NOBODY} here"),
        (("cancel", NOBODY), f"There is no execution {NOBODY}"),
        (("cancel", NOBODY, "--workspace", "Acme", "--reason", ""), "reason: Must have 1 to 1000"),
    ],
)
def test_what_is_not_there_is_named_in_one_sentence(run: Run, words: tuple[str, ...], answer: str) -> None:
    assert refusal(run("executions", *words)).startswith(answer)


@pytest.mark.usefixtures("database_url")
def test_without_any_workspace_the_first_step_is_said(run: Run) -> None:
    assert "workspaces create NAME" in refusal(run("executions", "list"))


def test_a_workspace_must_be_named_only_when_there_are_several(run: Run, place: Place) -> None:
    alone = run("executions", "list", "--json")
    run("workspaces", "create", "Globex")

    among_others = run("executions", "list")
    named = run("executions", "list", "--workspace", "Acme", "--space", str(place.scope.space_id), "--json")

    assert parsed(alone) == []
    assert "say which one with --workspace" in refusal(among_others)
    assert parsed(named) == []


def test_the_list_shows_the_newest_first_up_to_its_limit_and_of_the_statuses_asked_for(
    run: Run, place: Place
) -> None:
    ids = [str(key) for key in place.trigger(4)]
    run("executions", "cancel", ids[1])

    newest = parsed(run("executions", "list", "--limit", "2", "--json"))
    cancelled = parsed(run("executions", "list", "--status", "cancelled,failed", "--json"))
    table = run("executions", "list", "--status", "pending").stdout.splitlines()

    assert [form["id"] for form in newest] == [ids[3], ids[2]]
    assert [form["id"] for form in cancelled] == [ids[1]]
    assert [line.split()[0] for line in table] == ["ID", ids[3], ids[2], ids[0]]


@pytest.mark.usefixtures("place")
def test_a_status_that_does_not_exist_is_refused_with_those_that_do(run: Run) -> None:
    refused = run("executions", "list", "--status", "done")

    assert refused.exit_code == 2
    assert "'done' is none of pending, running, completed, failed, cancelled." in refused.stderr


def test_an_execution_is_shown_with_its_steps(run: Run, place: Place) -> None:
    [execution_id] = place.trigger()

    form = parsed(run("executions", "show", str(execution_id), "--json"))
    lines = run("executions", "show", str(execution_id)).stdout.splitlines()

    assert [(step["stepId"], step["status"]) for step in form["steps"]] == [("double", "pending")]
    assert "status        pending (queued)" in lines
    assert lines[-1].split() == ["double", "transform", "pending"]


def test_what_a_terminal_would_obey_is_taken_out_of_texts(run: Run, place: Place) -> None:
    [execution_id] = place.trigger()
    run("executions", "cancel", str(execution_id), "--reason", "\x1b[2Jgone")

    shown = run("executions", "show", str(execution_id)).stdout
    watched = run("executions", "watch", str(execution_id)).stdout

    assert "\x1b" not in shown + watched
    assert "[2Jgone" in shown


def test_a_pending_execution_is_cancelled_with_its_reason_and_only_a_finished_one_is_not(
    run: Run, place: Place
) -> None:
    cancelled, completed = place.trigger(2)
    place.sql(
        "UPDATE executions SET status = 'running', started_at = now(), reason = NULL WHERE id = %s",
        str(completed),
    )
    place.sql(
        "UPDATE executions SET status = 'completed', completed_at = now() WHERE id = %s", str(completed)
    )

    settled = parsed(run("executions", "cancel", str(cancelled), "--reason", "a mistake", "--json"))
    refused = run("executions", "cancel", str(completed))

    assert (settled["status"], settled["error"]) == ("cancelled", "a mistake")
    assert refusal(refused) == "The execution has ended already, so there is nothing to cancel"


def test_watching_what_was_cancelled_ends_at_once_with_exit_code_1(run: Run, place: Place) -> None:
    [execution_id] = place.trigger()
    run("executions", "cancel", str(execution_id))

    watched = run("executions", "watch", str(execution_id), "--json")

    changes = [json.loads(line) for line in watched.stdout.splitlines()]
    assert watched.exit_code == 1
    assert [(change["event"], change["data"]["status"]) for change in changes] == [
        ("step", "skipped"),
        ("execution", "cancelled"),
    ]


def test_watching_shows_each_change_until_the_execution_completed(
    run: Run, place: Place, environment: dict[str, str]
) -> None:
    [execution_id] = place.trigger()

    with start(environment, "executions", "watch", str(execution_id)) as watch:
        assert watch.stdout is not None
        first = watch.stdout.readline()
        drained = shell(environment, "queue", "drain")
        rest = watch.stdout.read()

    assert drained.returncode == 0, drained.stderr
    assert first.split()[1:] == ["execution", "pending", "queued"]
    changes = [line.split()[1:3] for line in rest.splitlines()]
    assert changes[-2:] == [["double", "completed"], ["execution", "completed"]]
    assert watch.returncode == 0


@pytest.mark.parametrize(("given", "status", "code"), [('{"n": 4}', "completed", 0), ("null", "failed", 1)])
def test_waiting_for_a_trigger_ends_with_the_execution_and_its_exit_code(
    place: Place, environment: dict[str, str], given: str, status: str, code: int
) -> None:
    with start(
        environment, "executions", "trigger", "Double", "--input", given, "--wait", "--json"
    ) as waiting:
        while not place.statuses():
            assert waiting.poll() is None
            time.sleep(0.05)
        drained = shell(environment, "queue", "drain")
        assert waiting.stdout is not None
        form = json.loads(waiting.stdout.read())

    assert drained.returncode == 0, drained.stderr
    assert (form["status"], waiting.returncode) == (status, code)
    assert UUID(form["id"])


def heed_interrupts() -> None:
    """Undo what a shell does to the processes that it starts in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_who_stops_waiting_for_a_trigger_hears_what_was_started(
    place: Place, environment: dict[str, str]
) -> None:
    words = ("executions", "trigger", "Double", "--wait")
    with start(environment, *words, preexec_fn=heed_interrupts) as waiting:
        while not place.statuses():
            assert waiting.poll() is None
            time.sleep(0.05)
        time.sleep(2)  # it has printed nothing by which one could know that it waits
        waiting.send_signal(signal.SIGINT)
        time.sleep(0.1)
        drained = shell(environment, "queue", "drain")  # if it has not heard the signal, it ends by this
        _, said = waiting.communicate()

    [(started,)] = place.sql("SELECT id::text FROM executions")
    assert (waiting.returncode, drained.returncode) == (1, 0)
    assert said.splitlines()[0] == f"The execution {started} was started and goes on."

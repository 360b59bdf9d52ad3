"""Tasks: the example of the docs, called by a real worker; cancels and time-outs of functions."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import create_app, tasks
from app.extensions import db
from app.settings import Settings, from_environment
from tests.journeys import processes
from tests.journeys.traveller import Traveller
from tests.markdown import blocks
from tests.servers import PROJECT, SECRET_KEY, Servers, make_database, numbered

LAST_REDIS_DATABASE = 15
SOON = 10  # Two seconds are promised; the rest is for a busy machine.
PAGE = PROJECT / "docs" / "tasks.md"
MORE = """
import asyncio
import time
from pathlib import Path

from app.tasks import check_cancelled, task


@task("stubborn")
def stubborn() -> None:
    while True:
        time.sleep(0.01)


@task("polite")
def polite(note: str) -> None:
    try:
        while True:
            check_cancelled()
            time.sleep(0.01)
    finally:
        Path(note).write_text("stopped")


@task("flaky")
def flaky(note: str) -> str:
    path = Path(note)
    tries = int(path.read_text()) + 1 if path.exists() else 1
    path.write_text(str(tries))
    if tries < 3:
        raise ConnectionError(f"try {tries}")
    return f"after {tries}"


@task("sleeper")
async def sleeper() -> None:
    await asyncio.sleep(60)
"""


@pytest.fixture(scope="module")
def settings(servers: Servers, worker_number: int) -> Settings:
    """Give a place of its own, whose tickets no worker of other journeys takes."""
    env = {
        "DATABASE_URL": make_database(servers, f"linea_tasks_{worker_number}"),
        "REDIS_URL": numbered(servers.valkey, LAST_REDIS_DATABASE - worker_number),
        "SECRET_KEY": SECRET_KEY,
        "LOG_LEVEL": "WARNING",
    }
    return from_environment(env)


@pytest.fixture(scope="module")
def app(settings: Settings) -> Iterator[Flask]:
    """Give an application there."""
    app = create_app(settings)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a folder with the module of the docs and one of ours, both loaded here."""
    folder = tmp_path_factory.mktemp("modules")
    [source] = [block.text for block in blocks(PAGE) if block.language == "python"]
    (folder / "shop_tasks.py").write_text(source)
    (folder / "more_tasks.py").write_text(MORE)
    before = dict(tasks.TASKS)
    sys.path.insert(0, str(folder))
    tasks.load(["shop_tasks", "more_tasks"])
    yield folder
    sys.path.remove(str(folder))
    tasks.TASKS.clear()
    tasks.TASKS.update(before)
    for name in ("shop_tasks", "more_tasks"):
        del sys.modules[name]


@pytest.fixture(scope="module")
def crew(settings: Settings, modules: Path) -> Iterator[processes.Process]:
    """Run a worker that knows the tasks, and no other one."""
    with processes.worker(settings, TASK_MODULES="shop_tasks,more_tasks", PYTHONPATH=str(modules)) as process:
        yield process


def step(name: str, args: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Write a task step."""
    return {"id": name, "type": "task", "with": {"name": name, "args": args or {}}, **more}


@pytest.fixture
def shop(traveller: Traveller) -> str:
    """Give the workflow of the docs."""
    [text] = [block.text for block in blocks(PAGE) if block.language == "json"]
    return traveller.workflow(*json.loads(text)["steps"])


@pytest.mark.usefixtures("crew")
def test_the_example_of_the_docs_does_what_they_say(traveller: Traveller, shop: str) -> None:
    page = PAGE.read_text()

    execution = traveller.finished(traveller.trigger(shop, {"lines": [{"article": "apple", "count": 3}]}))
    refused = traveller.finished(traveller.trigger(shop, {"lines": [{"article": "plum", "count": 1}]}))

    outputs = [json.dumps(execution["by_id"][step_id]["output"]) for step_id in ("price", "tell")]
    assert all(f"`{output}`" in page for output in outputs)
    assert refused["by_id"]["price"]["error"] in page
    assert (refused["status"], refused["by_id"]["price"]["attempt"]) == ("failed", 1)


@pytest.mark.usefixtures("crew")
def test_arguments_that_turn_out_wrong_fail_the_step_at_once(traveller: Traveller, shop: str) -> None:
    execution = traveller.finished(traveller.trigger(shop, {"lines": [{"article": None}]}))

    failed = execution["by_id"]["price"]
    assert (failed["status"], failed["attempt"]) == ("failed", 1)
    assert "args.lines[0].article: Must be a text or a whole number." in failed["error"]


@pytest.mark.usefixtures("crew")
def test_what_raises_is_tried_again(traveller: Traveller, tmp_path: Path) -> None:
    retry = {"attempts": 5, "backoffSeconds": 0.01}

    execution = traveller.run(step("flaky", {"note": str(tmp_path / "note")}, retry=retry))

    [found] = execution["steps"]
    assert (found["output"], found["attempt"]) == ("after 3", 3)
    assert [one["error"] for one in found["attempts"]] == [
        "ConnectionError: try 1",
        "ConnectionError: try 2",
        None,
    ]


@pytest.mark.usefixtures("crew")
@pytest.mark.parametrize("name", ["stubborn", "sleeper"])
def test_a_cancel_does_not_wait_for_a_task(traveller: Traveller, name: str) -> None:
    execution_id = traveller.trigger(traveller.workflow(step(name)))
    traveller.until(execution_id, name, "running")
    asked = time.monotonic()

    code, _ = traveller.cancel(execution_id)
    execution = traveller.finished(execution_id)

    assert (code, execution["status"]) == (202, "cancelled")
    assert time.monotonic() - asked < SOON


@pytest.mark.usefixtures("crew")
def test_a_task_that_asks_stops_when_its_time_is_up(traveller: Traveller, tmp_path: Path) -> None:
    note = tmp_path / "note"

    execution = traveller.run(step("polite", {"note": str(note)}, timeoutSeconds=0.2))

    assert (execution["status"], execution["by_id"]["polite"]["status"]) == ("failed", "failed")
    assert "longer than its limit of 0.2 s" in execution["by_id"]["polite"]["error"]
    assert processes.eventually(lambda: note.exists() and note.read_text()) == "stopped"


def test_a_task_that_never_returns_does_not_keep_a_worker_from_ending(
    traveller: Traveller, settings: Settings, modules: Path
) -> None:
    process = processes.start_worker(settings, TASK_MODULES="more_tasks", PYTHONPATH=str(modules))
    execution_id = traveller.trigger(traveller.workflow(step("stubborn")))
    traveller.until(execution_id, "stubborn", "running")

    code = processes.stop(process)

    assert code == 0
    traveller.cancel(execution_id)


def test_a_worker_whose_module_cannot_be_imported_says_so_in_one_line(settings: Settings) -> None:
    process = processes.start(settings, "worker.py", TASK_MODULES="nothing_of_this_name")

    _, said = process.communicate(timeout=120)

    assert process.returncode == 1
    assert said.decode().strip().splitlines() == [
        "TASK_MODULES names 'nothing_of_this_name', which cannot be imported: "
        "ModuleNotFoundError: No module named 'nothing_of_this_name'"
    ]

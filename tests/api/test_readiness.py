"""`/readyz` tells what keeps executions from starting, before somebody notices that nothing happens."""

import pytest
from flask import Flask

from tests.api.caller import Caller
from tests.api.execution_rows import add_execution
from tests.api.sql import sql

OLD = "created_at = now() - interval '70 s'"


@pytest.fixture(autouse=True)
def _ticking(app: Flask, database_url: str) -> None:
    assert database_url
    sql(app, "UPDATE installation SET last_tick_at = now() + interval '5 minutes'")


def reasons(api: Caller) -> list[str]:
    reply = api.client.get("/readyz")
    found: list[str] = reply.get_json()["reasons"]
    assert reply.status_code == (503 if found else 200)
    return found


def test_an_execution_that_waits_long_to_start_is_a_reason(
    app: Flask, api: Caller, workflow: dict[str, str]
) -> None:
    add_execution(app, workflow, "pending")
    young = reasons(api)
    sql(app, f"UPDATE executions SET {OLD}")

    [reason] = reasons(api)

    assert young == []
    assert reason.startswith("An execution that may start has waited for 7")
    assert reason.endswith("start workers, or more of them.")


@pytest.mark.parametrize(
    "changes",
    [
        "reason = 'concurrency'",
        "reason = 'overlap'",
        "run_at = now() + interval '1 h'",
        "run_at = now() - interval '10 s'",
        "status = 'cancelled', reason = 'requested', completed_at = now()",
    ],
)
def test_what_may_not_start_yet_is_none(
    app: Flask, api: Caller, workflow: dict[str, str], changes: str
) -> None:
    add_execution(app, workflow, "pending")
    sql(app, f"UPDATE executions SET {OLD}, {changes}")

    assert reasons(api) == []


def test_what_waits_for_the_end_of_a_pause_is_none(app: Flask, api: Caller, workflow: dict[str, str]) -> None:
    add_execution(app, workflow, "pending")
    sql(app, f"UPDATE executions SET {OLD}")
    sql(app, "UPDATE installation SET paused = true")

    assert reasons(api) == []


def test_tables_of_another_version_are_the_only_reason(app: Flask, api: Caller) -> None:
    sql(app, "UPDATE alembic_version SET version_num = '0000'")
    try:
        [reason] = reasons(api)
    finally:
        sql(app, "UPDATE alembic_version SET version_num = '0002'")

    assert reason == "The database is at 0000, not at 0002: run flask --app wsgi db upgrade."

"""`prune` and `queue purge`: what is too old goes, what is pending is cancelled."""

import json

from tests.cli.shell import Place, Run, parsed, refusal, shell


def test_prune_deletes_what_is_too_old_and_says_how_many(run: Run, place: Place) -> None:
    place.trigger(3)
    place.sql(
        "UPDATE executions SET status = 'cancelled', reason = 'requested',"
        " completed_at = now() - interval '31 days' WHERE id IN (SELECT id FROM executions LIMIT 2)"
    )

    first, second = parsed(run("prune", "--json")), run("prune")

    assert first == {
        "executions": 2,
        "scheduleFires": 0,
        "webhookDeliveries": 0,
        "bulkOperations": 0,
        "idempotencyKeys": 0,
    }
    assert ["executions", "0"] in [line.split() for line in second.stdout.splitlines()]
    assert place.statuses() == {"pending": 1}


def test_purge_cancels_what_is_pending_in_a_workspace_alone(run: Run, place: Place) -> None:
    place.trigger(5)
    parsed(run("workspaces", "create", "Globex", "--json"))
    place.sql(
        "UPDATE executions SET status = 'running', reason = NULL, started_at = now(), worker = 'w',"
        " lease_expires_at = now() + interval '1 h' WHERE id IN (SELECT id FROM executions LIMIT 1)"
    )

    other, mine = run("queue", "purge", "Globex"), run("queue", "purge", "Acme", "--yes")

    assert other.stdout == "cancelled 0 pending executions\n"
    assert mine.stdout == "cancelled 4 pending executions\n"
    assert place.statuses() == {"cancelled": 4, "running": 1}
    assert place.sql("SELECT DISTINCT reason FROM executions WHERE status = 'cancelled'") == [("bulk",)]


def test_purge_cancels_delayed_ones_and_more_than_a_batch(run: Run, place: Place) -> None:
    place.trigger(600)
    some = "id IN (SELECT id FROM executions LIMIT 9)"
    place.sql(f"UPDATE executions SET run_at = now() + interval '1 h' WHERE {some}")

    assert parsed(run("queue", "purge", str(place.scope.workspace_id), "--json")) == {"cancelled": 600}
    assert place.statuses() == {"cancelled": 600}


def test_purge_of_an_unknown_workspace_is_refused(run: Run, place: Place) -> None:
    place.trigger()

    assert "no workspace" in refusal(run("queue", "purge", "Nobody"))
    assert place.statuses() == {"pending": 1}


def test_from_a_shell_they_work_as_they_stand(environment: dict[str, str], place: Place) -> None:
    place.trigger(2)

    purged = shell(environment, "queue", "purge", "Acme", "--json")
    examined = shell(environment, "doctor", "--json")

    assert (purged.returncode, json.loads(purged.stdout)) == (0, {"cancelled": 2})
    assert (examined.returncode, json.loads(examined.stdout)["ok"]) == (1, False)
